# Images of one static program, put in a registry with curl.

# push NAME:TAG PROGRAM: prints its reference by digest. The program is a path,
# or the name of one in `images`.
push() (
  local name=${1%:*} tag=${1#*:} program=$2 registry=${CLUSTER_REGISTRY:-$REGISTRY} folder layer config diff arch
  local type=application/vnd.oci.image
  [[ $program == */* ]] || program=$(built images)/$program
  case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  mkdir "$folder/root"
  install -m 755 "$program" "$folder/root/app"
  tar -C "$folder/root" --sort=name --owner=0 --group=0 --mtime=@0 -cf "$folder/layer" app
  diff=$(digest "$folder/layer")
  gzip -n1 "$folder/layer"
  printf '{"architecture":"%s","os":"linux","config":{"User":"65532:65532","Entrypoint":["/app"]},"rootfs":{"type":"layers","diff_ids":["%s"]}}' \
    "$arch" "$diff" >"$folder/config"
  layer=$(upload "$name" "$folder/layer.gz")
  config=$(upload "$name" "$folder/config")
  printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"%s","size":%d},"layers":[{"mediaType":"%s.layer.v1.tar+gzip","digest":"%s","size":%d}]}' \
    $type $type "$config" "$(stat -c %s "$folder/config")" $type "$layer" "$(stat -c %s "$folder/layer.gz")" >"$folder/manifest"
  curl -fsS -X PUT -o /dev/null -H "Content-Type: $type.manifest.v1+json" --data-binary "@$folder/manifest" "http://$registry/v2/$name/manifests/$tag"
  echo "$registry/$name@$(digest "$folder/manifest")"
)

# upload NAME FILE: puts a blob in the registry, and prints its digest.
upload() {
  local digest at
  digest=$(digest "$2")
  at=$(curl -fsS -X POST -D - -o /dev/null "http://$registry/v2/$1/blobs/uploads/" | tr -d '\r' | awk 'tolower($1) == "location:" {print $2}')
  curl -fsS -X PUT -o /dev/null -H 'Content-Type: application/octet-stream' --data-binary "@$2" "$at&digest=$digest"
  echo "$digest"
}

digest() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
