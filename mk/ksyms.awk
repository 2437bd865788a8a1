# SPDX-License-Identifier: MIT
# Makes the table of kernel/lib/ksyms.c, as assembly, from `nm -n kernel.raw.o`. Addresses are
# offsets into the one .text of the kernel world, so the table is right whatever the final link
# does, and one link is enough.
BEGIN {
	print "\t.section .rodata\n\t.globl ksym_table, ksym_count, ksym_names\n\t.balign 8\nksym_table:"
}
$2 ~ /^[tT]$/ && $3 !~ /^(\.L|kernel_text_)/ {
	printf "\t.long 0x%s, %d\n", substr($1, 9), at
	names[count++] = $3
	at += length($3) + 1
}
END {
	print "ksym_count:\n\t.long " count + 0 "\nksym_names:"
	for (i = 0; i < count; i++)
		print "\t.asciz \"" names[i] "\""
	print "\t.section .note.GNU-stack,\"\",@progbits"
}
