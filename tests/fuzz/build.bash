#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build DIR: compiles the system-call fuzzer, DIR/fuzz (static: a guest needs no library for it).
set -e
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build DIR}
mkdir -p "$out"
awk -f "$here/kinds.awk" "$here/kinds" "$here/../../kernel/syscall/syscalls.tbl" >"$out/calls.c"
${CC:-gcc} -std=gnu11 -O1 -g -Wall -Wextra -Wno-unused-parameter -Wno-unused-result -Wno-array-bounds -Wno-parentheses \
	-fno-stack-protector -fno-builtin -static -pthread -I"$here" -o "$out/fuzz" "$out/calls.c" "$here"/*.c
