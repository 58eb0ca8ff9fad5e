import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { signingVariable } from '../../core/child-env.ts';
import { UserError } from '../../core/errors.ts';

/** `where` names the file or variable in messages. */
export function parsePublicKey(pem: string, where: string): KeyObject {
  if (pem.includes('PRIVATE KEY')) {
    throw wrong(where, 'holds a private key', 'remove it at once; image.trust names public keys alone');
  }
  const begin = pem.match(/^-----BEGIN ([A-Z0-9 ]+)-----\s*$/m)?.[1];
  if (begin !== 'PUBLIC KEY') throw wrong(where, `holds no public key as PEM${label(begin)}`);
  return refuseOthers(read(pem, where, createPublicKey), where);
}

/** No part of the text is ever in a message. */
export function parsePrivateKey(pem: string, where: string): KeyObject {
  const begin = (pem.match(/^-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----\s*$/m) ??
    pem.match(/^-----BEGIN ([A-Z0-9 ]+)-----/m))?.[1];
  if (begin?.startsWith('ENCRYPTED ') || /^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw wrong(where, 'holds a private key that is encrypted', 'give it decrypted, as PKCS#8 PEM');
  }
  if (begin !== 'PRIVATE KEY' && begin !== 'EC PRIVATE KEY') {
    throw wrong(where, `holds no private key as PEM${label(begin)}`);
  }
  return refuseOthers(read(pem, where, createPrivateKey), where);
}

/** What the crypto library says of a malformed key may quote it, so it is left out, as a cause too. */
function read(pem: string, where: string, parse: (pem: string) => KeyObject): KeyObject {
  try {
    return parse(pem);
  } catch {
    throw wrong(where, 'holds a key that is malformed');
  }
}

function refuseOthers(key: KeyObject, where: string): KeyObject {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const curve = details?.namedCurve;
  if (type === 'ec' && (curve === 'prime256v1' || curve === 'P-256')) return key;
  const kind = type === 'ec' ? `on the curve ${curve ?? 'unknown'}` : `of the kind ${type ?? 'unknown'}`;
  throw wrong(where, `holds a key ${kind}, not ECDSA on P-256`);
}

/** Only known words are told, so that nothing of a key gets into a message. */
function label(begin: string | undefined): string {
  const known = ['RSA PUBLIC KEY', 'RSA PRIVATE KEY', 'CERTIFICATE', 'PUBLIC KEY', 'OPENSSH PRIVATE KEY'];
  return begin !== undefined && known.includes(begin) ? ` but ${begin}` : '';
}

function wrong(where: string, what: string, hint = hintFor(where)): UserError {
  return new UserError({ code: 'key_wrong', message: `${where} ${what}`, hint });
}

function hintFor(where: string): string {
  return where === signingVariable
    ? `export ${signingVariable}="$(cat <file of the private half>)"`
    : 'causeway keys init makes a pair of keys';
}
