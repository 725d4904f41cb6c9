#!/usr/bin/env bash
# Issues the RSA chain of the bench with new keys, which nobody keeps: root.der, intermediate.der and
# leaf.der, valid for 100 years. The names are those of `names` in ../src/chain.rs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

cat >"$work/extensions" <<'CONFIG'
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash

[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = @names

[names]
DNS.1 = chat.example
DNS.2 = conference.chat.example
DNS.3 = *.chat.example
otherName.1 = 1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.chat.example
otherName.2 = 1.3.6.1.5.5.7.8.5;UTF8:chat.example
URI.1 = sip:chat.example
IP.1 = 192.0.2.1
CONFIG

# Issues `$1` with the subject `$2` and the extensions `$3`; `$4` is the issuer.
issue() {
  openssl req -new -newkey rsa:2048 -nodes -sha256 -subj "/O=comity bench/CN=$2" \
    -keyout "$work/$1.key" -out "$work/$1.csr" 2>/dev/null
  local signer=(-CA "$work/$4.pem" -CAkey "$work/$4.key")
  [[ $1 != "$4" ]] || signer=(-signkey "$work/$1.key")
  openssl x509 -req -in "$work/$1.csr" -sha256 -days 36525 "${signer[@]}" \
    -set_serial "0x$(openssl rand -hex 8)" -extfile "$work/extensions" -extensions "$3" \
    -out "$work/$1.pem" 2>/dev/null
  openssl x509 -in "$work/$1.pem" -outform DER -out "$1.der"
}

issue root 'RSA Root' ca root
issue intermediate 'RSA Intermediate' ca root
issue leaf 'RSA Leaf' leaf intermediate
