#!/bin/sh
# Installs Debian packages and starts no service of theirs on this machine: invoke-rc.d(8) and deb-systemd-invoke(1p)
# ask policy-rc.d. Where an administrator has one, it decides.
#   sh install-quietly.sh PACKAGE…
set -eu
policy=/usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
if (set -C && printf '#!/bin/sh\n# while tests install packages\nexit 101\n' >"$policy") 2>/dev/null; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  chmod 755 "$policy"
fi
packages() {
  apt-get install -y -q --no-install-recommends "$@" </dev/null
}
packages "$@" || { apt-get update -q && packages "$@"; }
