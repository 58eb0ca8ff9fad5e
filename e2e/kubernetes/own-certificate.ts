import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../images/run-program.ts';

/** Of 127.0.0.1, signed by itself. */
export async function makeCertificate(
  folder: string,
): Promise<{ readonly cert: string; readonly key: string }> {
  const path = join(folder, 'proxy-key.pem');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path];
  const named = ['-subj', '/CN=proxy', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
  const cert = await mustRun(['openssl', 'req', '-x509', ...curve, ...named]);
  const key = await Bun.file(path).text();
  rmSync(path);
  return { cert, key };
}
