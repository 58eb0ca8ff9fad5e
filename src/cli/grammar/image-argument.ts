/** What may stand for an image on the command line. */
export const imageArgument =
  'an image: registry.example.com/team/shop@sha256:…, or the folder of an OCI layout, with @sha256:… where it holds several';
