#!/usr/bin/awk -f
# SPDX-License-Identifier: MIT
#
# Makes the fuzzer's table of calls: awk -f tests/fuzz/kinds.awk tests/fuzz/kinds
# kernel/syscall/syscalls.tbl > calls.c (POSIX awk.) tests/fuzz/kinds says what the arguments look
# like, fuzz.h what the table is. Missing calls are left out.

FNR == 1 { file++; FS = file == 2 ? "|" : "[ \t]+"; $0 = $0 }
/^#/ || /^$/ { next }

file == 1 && $1 == "never" {
	for (i = 2; i <= NF; i++)
		never[$i] = 1
	next
}
file == 1 {
	make[$1] = $2
	makers[$2] = 1
	for (i = 3; i <= NF; i++)
		list[$1] = list[$1] (i > 3 ? ", " : "") $i
	nlist[$1] = NF - 2
	next
}

function kind_of(call, type, arg) {
	if ((call "." arg) in make)
		return call "." arg
	if ((type ":" arg) in make)
		return type ":" arg
	if (type in make)
		return type
	print "kinds.awk: nothing makes " type " " arg " of " call > "/dev/stderr"
	exit 1
}

!($2 in never) && $3 != "missing" {
	n = split($4, args, /, */)
	row = sprintf("\t{ %d, %d, \"%s\", {\n", $1, n, $2)
	for (i = 1; i <= n; i++) {
		split(args[i], pair, " ")
		k = kind_of($2, pair[1], pair[2])
		used[k] = 1
		if (!(k in id))
			id[k] = ++ids
		row = row sprintf("\t\t{ make_%s, %s, %d },\n", make[k], nlist[k] ? "list_" id[k] : "0", nlist[k])
	}
	rows = rows row "\t} },\n"
	count++
}

END {
	print "/* Made by tests/fuzz/kinds.awk. */"
	print "#include \"constants.h\"\n#include \"fuzz.h\"\n"
	for (k in makers)
		print "maker make_" k ";"
	for (k in used)
		if (nlist[k])
			printf "static const long list_%d[] = { %s };\n", id[k], list[k]
	printf "\nconst int ncalls = %d;\nconst struct call calls[] = {\n%s};\n", count, rows
}
