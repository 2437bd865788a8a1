#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bash build.bash BUILD OUT: the mm test: the kernel without files (harness.c in place of them) and
# guest.c as process 1.
set -euo pipefail
build=$1 out=$2
work=$out.work
mkdir -p "$work"
mode=$([[ $build == build ]] || basename "$build")

show() { printf 'include Makefile\nshow:\n\t@echo $(%s)\n' "$1" | make -s --no-print-directory MODE="$mode" -f - show; }
kernel=() host=()
sources=$(find kernel/{mm,sched,ident,task,lib,syscall,time} arch/um/{machine,entry,patch} skas/*.c \( -name '*.c' -o -name '*.S' \))
for f in $(LC_ALL=C sort <<<"$sources"); do
	f=${f%.*}
	[[ $mode != "" && $mode != debug || $f != kernel/lib/debug/?san ]] || continue
	kernel+=("$build/obj/$f.o")
done
kernel+=("$build/obj/gen/blobs.S.o" "$build/obj/gen/syscalls_table.o")
for f in $(find os-linux -name "*.c" | LC_ALL=C sort); do host+=("$build/obj/${f%.c}.o"); done
make -s MODE="$mode" "${kernel[@]}" "${host[@]}"

# Called at fork and exit, with nothing to do here.
nothing="files_put, fs_put, fs_exchange, exe_file_put, exit_ptrace, ptrace_fork, ptrace_event, ptrace_event_enabled, ptrace_reparented, ptrace_unlink, ptrace_signal, ptrace_notify, coredump, coredump_wait_exit, pidfd_notify, syscall_trace_enter, syscall_trace_leave, unshare_files, cgroup_can_fork, cgroup_cancel_fork, cgroup_post_fork, cgroup_kthread, cgroup_exit, cgroup_release, cgroup_free, cgroup_put, cgroup_enter_frozen, cgroup_leave_frozen, cgroup_memory_path"
kflags="$(show CBASE) $(show OPT) $(show KFLAGS)"
gcc -std=gnu11 -g -O2 -I. -ffreestanding -fno-stack-protector -fno-pie -fno-asynchronous-unwind-tables -fcf-protection=none \
	-Wall -Wno-array-bounds -nostdlib -static -Wl,-Ttext-segment=0x400000 -Wl,-z,noseparate-code -Wl,-N -Wl,--build-id=none \
	-Wl,--no-warn-rwx-segments -Wl,-T,tests/skas/guest.ld -o "$work/guest.elf" tests/mm/guest.c
objcopy -O binary "$work/guest.elf" "$work/guest.bin"
cat >"$work/image.S" <<END
.section .rodata
.globl guest_start, guest_end, ksym_count, ksym_table, ksym_names
.balign 4096
guest_start: .incbin "$work/guest.bin"
guest_end:
.balign 16
ksym_count: ksym_table: ksym_names: .quad 0, 0
.text
.globl $nothing
${nothing//, /: }: xor %eax, %eax
ret
.section .note.GNU-stack,"",@progbits
END
gcc -c -o "$work/image.o" "$work/image.S"
gcc $kflags -Wno-missing-prototypes -Wno-error -c -o "$work/harness.o" tests/mm/harness.c
ld -r -T mk/kernel.lds --allow-multiple-definition -o "$work/raw.o" "$work/harness.o" "$work/image.o" "${kernel[@]}"
nm --defined-only -g "${host[@]}" | awk 'NF == 3 { print $3 }' | sort -u >"$work/provided"
nm -u "$work/raw.o" | awk '$1 == "U" { print $2 }' | sort -u | comm -12 - "$work/provided" >"$work/doors"
{ echo '#include "mk/door.h"'; sed 's/.*/DOOR &/' "$work/doors"; } >"$work/doors.S"
gcc $kflags -c -o "$work/doors.o" "$work/doors.S"
sed 's/\(.*\)/\1 door_\1/' "$work/doors" >"$work/redefine"
objcopy --redefine-syms="$work/redefine" "$work/raw.o" "$work/k.o"
objcopy --keep-global-symbol=arch_start --keep-global-symbol=__start_boot_params "$work/k.o"
gcc -static -no-pie -pthread -Wl,-Ttext-segment=0x60000000 -Wl,-z,max-page-size=4096 -Wl,-T,mk/image.lds \
	-Wl,--unresolved-symbols=ignore-all -o "$out" "$work/k.o" "$work/doors.o" "${host[@]}" -lcap
