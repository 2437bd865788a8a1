# SPDX-License-Identifier: MIT
# build.bash: sourced by quick and long-million. build_fsfuzz OUT: the fuzzer, from the kernel's own
# sources, with asan and ubsan.
#
# The kernel side is compiled as tests/unit/build does it, with coverage; objects are kept in
# $BUILD/tests/fsfuzz and made again when a source or header is younger. memcpy and its kin are the
# host's, whose arguments asan checks. What is still undefined then and not the host's becomes a
# function that ends the run and says which it was.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

fsfuzz_sources() {
	(cd "$root" && ls kernel/fs/{ext4,ext4/*,fat,isofs,squashfs}/*.c kernel/lib/{crc,radix,string,vsprintf,rbtree,sort,lost}.c \
		kernel/vfs/{super,freeze,inode,libfs,sync,writeback,attr,idmap,direct_io}.c kernel/vfs/name/{dcache,dcache_shrink,dcache_splice,permission}.c \
		kernel/mm/file/{filemap,truncate,writeback,readahead,bdi}.c kernel/mm/frame/page.c kernel/mm/reclaim/lru.c kernel/vfs/mount/{filesystems,fsparam}.c kernel/vfs/bdev/{bdev,rw}.c kernel/block/{bio,partition,genhd,queue,stat,error}.c \
		kernel/vfs/xattr/{acl,xattr,file_caps}.c tests/fsfuzz/{machine,memory,threads,use}.c tests/unit/fakes.c)
}

build_fsfuzz() {
	local out=$1 dir=$BUILD/tests/fsfuzz/obj newest c o todo=()
	local flags="-std=gnu11 -g -O1 -ffreestanding -fno-strict-aliasing -fwrapv -fno-common -fno-pie -I. -I$BUILD -Itests/unit/lib -D__NESTLING_KERNEL__ \
		-D__NESTLING_UNIT__ -DCONFIG_DEBUG=1 -Wall -Wno-unused-parameter -fsanitize=address,undefined -fno-sanitize=pointer-overflow,alignment \
		-fno-sanitize-recover=all"
	mkdir -p "$dir"
	newest=$(cd "$root" && find "$PWD"/{kernel,arch,skas,os-linux,drivers,tests} "$BUILD/gen" -name '*.h' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
	for c in $(fsfuzz_sources); do
		o=$dir/${c//\//-}.o
		[[ $o -nt $root/$c && $o -nt $newest ]] || todo+=("$c" "$o")
	done
	((${#todo[@]} == 0)) || printf '%s\n' "${todo[@]}" | (cd "$root" && xargs -P 2 -n 2 sh -c '
		case $1 in tests/*) cov= ;; *) cov=-fsanitize-coverage=trace-pc ;; esac
		exec '"${CC:-gcc}"' '"$flags"' $cov -c -o "$2" "$1"' sh) || return 1
	local objects=()
	for c in $(fsfuzz_sources); do objects+=("$dir/${c//\//-}.o"); done
	ld -r -o "$work/joined.o" "${objects[@]}" || return 1
	objcopy --redefine-sym memcpy=kernel_memcpy --redefine-sym memset=kernel_memset --redefine-sym memmove=kernel_memmove \
		--redefine-sym memcmp=kernel_memcmp "$dir/kernel-lib-string.c.o" "$work/string.o"
	objects=("${objects[@]/$dir\/kernel-lib-string.c.o/$work/string.o}")
	ld -r -o "$work/joined.o" "${objects[@]}" || return 1
	nm -u "$work/joined.o" | awk '{ print $2 }' | grep -vE '^(host_|__asan|__ubsan|__sanitizer|mem(cpy|set|move|cmp)$|(__start|__stop)_initcalls$|calloc$|free$|vdprintf$)' |
		awk '{ printf "void %s(void) { host_die(\"%s is missing in tests/fsfuzz\"); }\n", $1, $1 }' >"$work/stubs"
	{ echo 'void host_die(const char *why);' && cat "$work/stubs"; } >"$work/stubs.c"
	gcc -w -fno-builtin -c -o "$work/stubs.o" "$work/stubs.c" && ld -r -o "$work/kernel.o" "$work/joined.o" "$work/stubs.o" &&
		objcopy --keep-global-symbol={world_boot,world_knows,world_use,world_mounted} "$work/kernel.o" &&
		gcc -g -O1 -Wall -I"$root" -no-pie -fsanitize=address,undefined -fno-sanitize-recover=all -o "$out" "$root/tests/fsfuzz/host.c" "$work/kernel.o" -lz
}
