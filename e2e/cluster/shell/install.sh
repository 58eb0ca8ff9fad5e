# What the cluster needs on this machine: programs of Debian's packages, and
# those of our Go modules, each module built into a folder of the cache that is
# named by the hash of its sources.

PATH=$PATH:/usr/sbin:/usr/local/go/bin
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/causeway-tests/cluster

# A program, and the package that has it where it is missing.
PACKAGE_OF=(
  containerd=containerd runc=runc /usr/lib/cni/ptp=containernetworking-plugins
  docker-registry=docker-registry nft=nftables ip=iproute2 socat=socat
  openssl=openssl curl=curl flock=util-linux unshare=util-linux nsenter=util-linux
)

# Whether what is missing can be had.
can_install() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} = 0 ] || type -P apt-get >/dev/null || die "needs Debian's packages ${missing[*]}, and there is no apt-get"
  [ -d "$(built node)" ] || (cd "$HERE/node" && go version >/dev/null) || die "needs Go to build Kubernetes"
}

missing_packages() {
  local pair
  for pair in "${PACKAGE_OF[@]}"; do
    type -P "${pair%=*}" >/dev/null || echo "${pair#*=}"
  done | sort -u
}

# In a subshell, since what it does at its end is its own.
install_packages() (
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  # They are wanted as programs: while this file is there, no service starts.
  local policy=/usr/sbin/policy-rc.d log status=0
  if [ ! -e $policy ]; then
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
  fi
  log=$(mktemp)
  # An engine that was installed otherwise may conflict with them: it stays.
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=300 -y --no-install-recommends --no-remove "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null || status=$?
  [ $status = 0 ] || { cat "$log" >&2; rm "$log"; die "apt-get could not install ${missing[*]}"; }
  rm "$log"
)

# built MODULE: the folder with its programs, whether they are there yet or not.
built() {
  local hash
  hash=$(cd "$HERE/$1" && find . -name '*.go' -o -name 'go.*' | LC_ALL=C sort | xargs sha256sum | sha256sum)
  echo "$CACHE/$1-${hash:0:16}"
}

# build MODULE NOTE PACKAGE...: makes the module's programs, unless they are there.
build() {
  local module=$1 folder
  folder=$(built "$module")
  # A second build of the same waits for the first, however long that takes.
  [ -d "$folder" ] || { mkdir -p "$CACHE" && (flock 8 && [ -d "$folder" ] || make_programs "$folder" "$@") 8>"$CACHE/$module.lock"; }
  touch "$folder"
}

# make_programs FOLDER MODULE NOTE PACKAGE...
make_programs() {
  local folder=$1 module=$2 note=$3 beside
  shift 3
  say "building $note"
  beside=$(mktemp -d "$CACHE/making-XXXXXX")
  (cd "$HERE/$module" && CGO_ENABLED=0 nice -n 10 go build -buildvcs=false -trimpath -ldflags "-s -w $(version_flags)" -o "$beside/" "$@") \
    >"$beside/log" 2>&1 || { cat "$beside/log" >&2; rm -rf "$beside"; die "could not build $note"; }
  rm "$beside/log"
  mv -T "$beside" "$folder"
  # Those that nobody has used for two weeks, and what was cut short.
  find "$CACHE" -maxdepth 1 -type d \( -name "$module-*" -o -name 'making-*' \) -mtime +14 -exec rm -rf {} +
}

# The version that the API server, kubelet and kubectl say they are.
version_flags() {
  local version package value
  version=$(awk '$1 == "k8s.io/kubernetes" {print $2}' go.mod)
  [ -n "$version" ] || return 0
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    for value in gitVersion="$version" gitMajor=1 gitMinor="$(cut -d. -f2 <<<"$version")" gitTreeState=clean gitCommit=unknown buildDate=1970-01-01T00:00:00Z; do
      printf ' -X %s.%s' "$package" "$value"
    done
  done
}

install_images() { build images "the programs of the test images" ./pause ./web; }

build_node() {
  build node "Kubernetes from its Go modules: once, 7 to 12 minutes on two cores" ./kube ./netpol
  # It is every program that it is called by the name of.
  ln -sfn kube "$(built node)/kubectl"
}

install_node() {
  install_packages
  install_images
  build_node
}

# Without packages, so that it can run beside who installs others.
build_all() {
  install_images
  build_node
  install_addons
}

install_addons() {
  build addons "CoreDNS and metrics-server: once, 3 to 5 minutes on two cores" ./coredns sigs.k8s.io/metrics-server/cmd/metrics-server
}
