# Inside the node: its first process, which starts every part.

# Settings of the whole machine that the kubelet sets: it gets files to write to instead.
SYSCTLS=(vm/overcommit_memory kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes)

node_main() {
  cd "$STATE" || exit
  make_room
  join_network
  export PATH=$BIN:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
  local webhook=()
  if [ -n "$WEBHOOK" ]; then
    keep neighbour socat "TCP-LISTEN:${NEIGHBOUR#*:},bind=${NEIGHBOUR%:*},fork,reuseaddr" UNIX-CONNECT:neighbour
    webhook=(--authentication-token-webhook-config-file webhook.conf --authentication-token-webhook-version v1
      --authentication-token-webhook-cache-ttl 2s)
  fi

  keep etcd kube etcd --name "$NODE" --data-dir /var/lib/etcd --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster "$NODE"=http://127.0.0.1:2380
  keep kube-apiserver kube kube-apiserver --advertise-address "$NODE_IP" --secure-port 6443 \
    --etcd-servers http://127.0.0.1:2379 --service-cluster-ip-range "$SERVICE_NET" --allow-privileged \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --client-ca-file pki/ca.crt --tls-cert-file pki/apiserver.crt --tls-private-key-file pki/apiserver.key \
    --kubelet-certificate-authority pki/ca.crt --kubelet-preferred-address-types InternalIP \
    --kubelet-client-certificate pki/apiserver-to-kubelet.crt --kubelet-client-key pki/apiserver-to-kubelet.key \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file pki/service-account.key --service-account-signing-key-file pki/service-account.key \
    --requestheader-client-ca-file pki/ca.crt --requestheader-allowed-names front-proxy-client \
    --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
    --requestheader-extra-headers-prefix X-Remote-Extra- \
    --proxy-client-cert-file pki/front-proxy-client.crt --proxy-client-key-file pki/front-proxy-client.key \
    "${webhook[@]}"
  keep registry docker-registry serve config/registry.yml
  keep containerd containerd --config config/containerd.toml

  # The rest give up when the API server does not answer, or has not yet made
  # their roles, when they start.
  until answers; do sleep 0.1; done
  # At its default of 20 requests a second it takes 5 s to start.
  keep kube-controller-manager kube kube-controller-manager --kubeconfig kube-controller-manager.conf \
    --authentication-kubeconfig kube-controller-manager.conf --authorization-kubeconfig kube-controller-manager.conf \
    --use-service-account-credentials --kube-api-qps 1000 --kube-api-burst 1000 \
    --leader-elect=false --root-ca-file pki/ca.crt \
    --service-account-private-key-file pki/service-account.key \
    --cluster-signing-cert-file pki/ca.crt --cluster-signing-key-file pki/ca.key
  keep kube-scheduler kube kube-scheduler --kubeconfig kube-scheduler.conf --leader-elect=false \
    --authentication-kubeconfig kube-scheduler.conf --authorization-kubeconfig kube-scheduler.conf
  keep kube-proxy kube kube-proxy --config config/kube-proxy.yaml
  # The controller manager's account may read all that netpol reads.
  keep netpol netpol --kubeconfig kube-controller-manager.conf
  until [ -S /run/containerd/containerd.sock ]; do sleep 0.1; done
  keep kubelet kube kubelet --config config/kubelet.yaml --kubeconfig kubelet.conf --hostname-override "$NODE" --node-ip "$NODE_IP"
  # Only to collect what ends.
  while :; do wait -n || true; sleep 1; done
}

# The folders that the parts write to.
make_room() {
  mount --make-rshared /
  mkdir -p lib/kubelet lib/containerd varlog/pods varlog/containers
  mount --bind lib /var/lib
  mount --bind varlog /var/log
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir -p /run/lock /run/cluster/cni
  cp config/cni.conflist /run/cluster/cni/
  local registry file
  for registry in "$REGISTRY" $NEIGHBOUR; do
    mkdir -p "/run/cluster/certs.d/$registry"
    # containerd 1.6 needs the [host] table: it ignores a lone "server".
    printf 'server = "http://%s"\n[host."http://%s"]\n  capabilities = ["pull", "resolve"]\n' "$registry" "$registry" \
      >"/run/cluster/certs.d/$registry/hosts.toml"
  done
  for file in "${SYSCTLS[@]}"; do
    mkdir -p "/run/cluster/sysctl/${file%/*}"
    cat "/proc/sys/$file" >"/run/cluster/sysctl/$file"
    mount --bind "/run/cluster/sysctl/$file" "/proc/sys/$file"
  done
}

join_network() {
  hostname "$NODE"
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
  ip address add "$NODE_IP/24" dev eth0
  ip link set eth0 up
  ip route add default via "$HOST_IP"
}

# keep PART COMMAND...: runs a part, and starts it again when it ends, with its
# output in a log.
keep() {
  local part=$1
  shift
  while :; do
    if [ ! -e "stopped.$part" ]; then
      "$@" &
      echo $! >"pid.$part"
      wait $! || true
    fi
    sleep 0.2
  done >>"log/$part.log" 2>&1 </dev/null &
}
