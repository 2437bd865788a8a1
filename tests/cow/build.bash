# SPDX-License-Identifier: MIT
# build.bash: sourced by the tests of COW files: programs over the pure code, with asan and ubsan;
# files of old versions.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# build_cow NAME SOURCE...: $work/NAME from tests/cow/NAME.c and drivers/ubd/SOURCE_host.c beside
# the formats
build_cow() {
	local name=$1 sources=() s
	for s in chain holder image layer cow cow3 cow4 cow4_header cow4_table cow4_pack backup copy trust "${@:2}"; do
		sources+=("$root/drivers/ubd/${s}_host.c")
	done
	gcc -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -I"$root" \
		-o "$work/$name" "$root/tests/cow/$name.c" "${sources[@]}" -lz -lpthread || { no "$name" "does not build"; exit 1; }
}

# old_cow VERSION BACKING OUT [ALIGNMENT [SECTOR]]: every third sector of it holds its number's last
# digits. Version 3w has an mtime of 64 bits.
old_cow() {
	python3 - "$@" <<-'END'
		import os, struct, sys
		kind, backing, out = sys.argv[1:4]
		align, unit = (int(a) for a in (sys.argv[4:] + ["4096", "512"][len(sys.argv) - 4:]))
		st, name, magic = os.stat(backing), os.path.realpath(backing).encode(), 0x4f4f4f4d
		mtime, units = int(st.st_mtime), -(-st.st_size // unit)
		if kind in "12":
		    e, path = ("=", 256) if kind == "1" else (">", 4096)
		    head = struct.pack(e + "II", magic, int(kind)) + name.ljust(path, b"\0") + struct.pack(e + "IQI", mtime, st.st_size, unit)
		    align, data_align = 1, unit
		else:
		    head = struct.pack(">IIqQIII" if kind == "3w" else ">IIIQIII", magic, 3, mtime, st.st_size, unit, align, 0) + name.ljust(4096, b"\0")
		    head += b"\0" * 4 * (kind == "3w") # as the compiler pads it
		    data_align = align
		up = lambda n, a: -(-n // a) * a
		bitmap = bytearray(-(-units // 8))
		for n in range(0, units, 3):
		    bitmap[n // 8] |= 1 << n % 8
		at = up(len(head), align)
		data = up(at + len(bitmap), data_align)
		with open(out, "wb") as f:
		    f.write(head)
		    f.seek(at)
		    f.write(bitmap)
		    for n in range(0, units, 3):
		        f.seek(data + n * unit)
		        f.write(bytes([n % 251]) * unit)
		    f.truncate(data + st.st_size)
	END
}
# old_contents BACKING SECTOR: what the disk of such a file holds
old_contents() {
	python3 -c '
import sys
b, unit = open(sys.argv[1], "rb").read(), int(sys.argv[2])
for n in range(len(b) // unit):
    sys.stdout.buffer.write(bytes([n % 251]) * unit if n % 3 == 0 else b[n * unit:(n + 1) * unit])' "$@"
}
# some_data FILE KIB: half of it random, half of it text that compresses
some_data() { (head -c "$(($2 * 512))" /dev/urandom && yes "$1" | head -c "$(($2 * 512))") >"$1" || true; }
