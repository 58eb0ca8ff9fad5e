const ecrHost =
  /^[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.(?:aws|amazonwebservices\.com\.cn))$/;

/** The AWS region of a private registry of ECR; undefined for any other host. */
export function ecrRegion(host: string): string | undefined {
  return ecrHost.exec(host)?.[1];
}
