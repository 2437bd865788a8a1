# SPDX-License-Identifier: MIT
# hostfs.sh: sourced by the tests of this folder: a folder of the host, $share, and instances that
# see it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
share=$work/share
mkdir "$share"
# shared [OPTION...] -- COMMAND...: in an instance that has $share at /mnt
shared() { in_guest -v "$share:/mnt" "$@" </dev/null; }
# guest_sh SCRIPT [ARG...]: the same for a script of the shell, which begins in /mnt
guest_sh() { shared -- sh -c "cd /mnt || exit; $1" sh "${@:2}"; }
