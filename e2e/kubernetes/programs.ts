import { findGoProgram } from '../images/programs.ts';

export function findHelm(): Promise<string> {
  return findGoProgram({ package: 'helm.sh/helm/v4/cmd/helm', version: 'v4.3.1', runs: 'version' });
}

/** Validates manifests against schemas, here those that the API server itself gives. */
export function findKubeconform(): Promise<string> {
  return findGoProgram({
    package: 'github.com/yannh/kubeconform/cmd/kubeconform',
    version: 'v0.8.0',
    runs: '-v',
  });
}
