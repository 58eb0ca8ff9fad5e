# The cluster's keys and kubeconfigs.

make_keys() {
  mkdir -p "$STATE/pki"
  local pki=$STATE/pki who
  openssl req -x509 -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 365 -keyout "$pki/ca.key" \
    -out "$pki/ca.crt" -subj "/CN=$NAME" -addext keyUsage=critical,keyCertSign,cRLSign 2>>"$STATE/log/openssl.log"
  openssl genrsa -out "$pki/service-account.key" 2048 2>>"$STATE/log/openssl.log"
  issue apiserver /CN=kube-apiserver "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:${SERVICE_NET%.*}.1,IP:$NODE_IP,IP:127.0.0.1"
  issue admin /O=system:masters/CN=admin
  issue apiserver-to-kubelet /O=system:masters/CN=kube-apiserver-kubelet-client
  issue front-proxy-client /CN=front-proxy-client
  issue kube-controller-manager /CN=system:kube-controller-manager
  issue kube-scheduler /CN=system:kube-scheduler
  issue kube-proxy /CN=system:kube-proxy
  issue kubelet "/O=system:nodes/CN=system:node:$NODE"
  issue kubelet-server "/CN=$NODE" "DNS:$NODE,IP:$NODE_IP"
  kubeconfig admin "$API"
  [ -z "$WEBHOOK" ] || kubeconfig_of_webhook
  for who in kube-controller-manager kube-scheduler kube-proxy kubelet; do kubeconfig $who https://127.0.0.1:6443; done
}

# issue FILE SUBJECT [NAMES]: a key, and a certificate of the cluster's CA.
issue() {
  local at=$STATE/pki/$1
  openssl req -x509 -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 365 \
    -CA "$STATE/pki/ca.crt" -CAkey "$STATE/pki/ca.key" -keyout "$at.key" -out "$at.crt" -subj "$2" \
    -addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,digitalSignature \
    -addext extendedKeyUsage=serverAuth,clientAuth ${3:+-addext "subjectAltName=$3"} 2>>"$STATE/log/openssl.log"
}

# kubeconfig NAME SERVER: a self-contained kubeconfig with NAME's certificate.
kubeconfig() {
  local pki=$STATE/pki
  cat >"$STATE/$1.conf" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: $NAME, cluster: {server: "$2", certificate-authority-data: $(base64 -w0 "$pki/ca.crt")}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$pki/$1.crt"), client-key-data: $(base64 -w0 "$pki/$1.key")}}]
contexts: [{name: $NAME, context: {cluster: $NAME, user: $1}}]
current-context: $NAME
YAML
}

# Who answers about tokens, as the API server wants to be told of it.
kubeconfig_of_webhook() {
  cat >"$STATE/webhook.conf" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: webhook, cluster: {server: "$WEBHOOK"}}]
users: [{name: webhook, user: {}}]
contexts: [{name: webhook, context: {cluster: webhook, user: webhook}}]
current-context: webhook
YAML
}
