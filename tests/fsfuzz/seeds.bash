# SPDX-License-Identifier: MIT
# seeds.bash: sourced. make_seeds DIR: small images, whole, whose names begin with their file
# system's.

# a tree of everything: folders large enough for an index, links, attributes, holes, files in many
# pieces
seed_tree() {
	local t=$1 i
	mkdir -p "$t/dir/deep/deeper" "$t/many"
	for i in $(seq 1 "${2:-90}"); do : >"$t/many/a-name-that-is-quite-long-so-that-a-block-holds-few-of-them-$i"; done
	echo small >"$t/small"
	head -c 30000 /dev/urandom >"$t/random"
	yes text | head -c 20000 >"$t/dir/text"
	ln -s small "$t/fast"
	ln -s "$(printf 'x%.0s' {1..90})" "$t/slow"
	ln "$t/small" "$t/dir/hard"
	truncate -s 300k "$t/holes" && printf x | dd of="$t/holes" bs=1 seek=150000 conv=notrunc 2>/dev/null
	echo inner >"$t/dir/deep/deeper/file"
}

# ext4_seed DIR NAME SIZE MKFS...: with attributes, a file in many pieces and what the options make
ext4_seed() {
	local image=$1/$2 size=$3 i
	truncate -s "$size" "$image"
	mke2fs -q -F -t ext4 -d "$1/tree" "${@:4}" "$image" >/dev/null 2>&1 || return 1
	{
		for i in 2 4 6 8 10 12 14 16; do echo "punch random $i $i"; done
		echo 'ea_set small user.one value'
		echo 'ea_set small user.two another-value-that-is-a-little-longer'
		echo 'ea_set dir user.three 3'
		echo 'ea_set random user.long '"$(printf 'v%.0s' {1..300})"
		echo 'mknod fifo p'
	} | debugfs -w -f - "$image" >/dev/null 2>&1
}

make_seeds() {
	local d=$1
	mkdir -p "$d"
	seed_tree "$d/tree"
	ext4_seed "$d" ext4-1k 512k -b 1024 -N 160 -O ^has_journal,^metadata_csum,^resize_inode
	ext4_seed "$d" ext4-1k-journal 2600k -b 1024 -N 160 -J size=1 -O has_journal,^metadata_csum,^resize_inode
	ext4_seed "$d" ext4-4k 2M -b 4096 -N 160 -O ^has_journal,^metadata_csum,^resize_inode
	ext4_seed "$d" ext4-csum 2600k -b 1024 -N 160 -J size=1 -O has_journal,metadata_csum,^resize_inode
	ext4_seed "$d" ext4-inline 512k -b 1024 -N 160 -I 256 -O inline_data,ea_inode,^has_journal,^metadata_csum,^resize_inode
	ext4_seed "$d" ext4-indirect 512k -b 1024 -N 160 -O ^extents,^64bit,^has_journal,^metadata_csum,^resize_inode
	ext4_seed "$d" ext4-old 400k -b 1024 -N 160 -I 128 -O none,filetype
	ext4_seed "$d" ext4-groups 3M -b 1024 -g 512 -N 256 -O ^has_journal,^metadata_csum,^resize_inode,flex_bg,meta_bg
	log_seed "$d"
	other_seeds "$d"
	rm -rf "$d/tree"
}

# a log that waits to be replayed: what debugfs can write into one
log_seed() {
	cp "$1/ext4-1k-journal" "$1/ext4-log"
	dd if=/dev/urandom of="$1/block" bs=1024 count=1 2>/dev/null
	printf 'jo -c\njw -b 900,901,902,903 %s\njw -r 904,905\njw -b 910 %s\njc\n' "$1/block" "$1/block" |
		debugfs -w -f - "$1/ext4-log" >/dev/null 2>&1
	rm -f "$1/block"
}

other_seeds() {
	local d=$1
	if command -v mkfs.fat >/dev/null && command -v mcopy >/dev/null; then
		truncate -s 400k "$d/vfat-12" && mkfs.fat -F 12 "$d/vfat-12" >/dev/null && mcopy -Q -s -i "$d/vfat-12" "$d"/tree/{dir,small,random} ::
		truncate -s 2500k "$d/vfat-16" && mkfs.fat -F 16 -s 1 "$d/vfat-16" >/dev/null && mcopy -Q -s -i "$d/vfat-16" "$d"/tree/{dir,small,random} ::
		truncate -s 1M "$d/vfat-32" && mkfs.fat -F 32 -s 1 "$d/vfat-32" >/dev/null 2>&1 && mcopy -Q -s -i "$d/vfat-32" "$d"/tree/{dir,small,many} ::
	fi 2>/dev/null
	if command -v genisoimage >/dev/null; then genisoimage -quiet -R -J -o "$d/iso9660-rock" "$d/tree" 2>/dev/null; fi
	if command -v mksquashfs >/dev/null; then mksquashfs "$d/tree" "$d/squashfs-zlib" -quiet -no-progress -noappend -comp gzip -b 8192 >/dev/null 2>&1; fi
	if command -v mksquashfs >/dev/null; then mksquashfs "$d/tree" "$d/squashfs-plain" -quiet -no-progress -noappend -noI -noD -noF -noX -b 4096 >/dev/null 2>&1; fi
	partition_seeds "$d"
}

# two tables with entries, and a chain of logical partitions
partition_seeds() {
	python3 - "$1" <<-'END'
		import struct, sys, zlib
		sectors = 4096
		def entry(kind, start, n): return struct.pack("<B3sB3sII", 0, b"", kind, b"", start, n)
		def table(*entries): return bytes(446) + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"
		d = bytearray(sectors * 512)
		d[:512] = table(entry(0x83, 64, 500), entry(0x82, 600, 400), entry(5, 1024, 2048))
		for at, n in ((1024, 1), (1424, 0)):
		    d[at * 512:at * 512 + 512] = table(entry(0x83, 8, 300), *([entry(5, 400, 400)] if n else []))
		open(sys.argv[1] + "/partitions-dos", "wb").write(d)
		g = bytearray(sectors * 512)
		g[:512] = table(entry(0xee, 1, sectors - 1))
		rows = b"".join((b"type-of-16-bytes" + b"this-one-is-mine" + struct.pack("<QQQ", a, b, 0)).ljust(128, b"\0") for a, b in ((64, 999), (1000, 1999)))
		rows = rows.ljust(128 * 128, b"\0")
		head = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, sectors - 1, 34, sectors - 34, b"g" * 16, 2, 128, 128, zlib.crc32(rows))
		g[512:512 + 92] = head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]
		g[1024:1024 + len(rows)] = rows
		open(sys.argv[1] + "/partitions-gpt", "wb").write(g)
	END
}
