# SPDX-License-Identifier: MIT
#
# bash build.bash BUILD OUT: the skas test. skas/ and harness.c and runners.c as kernel world,
# joined; os-linux/, host.c and lacks.c as host world; guest.c as the guest's image inside.
set -euo pipefail
build=$1 out=$2
work=$out.work
mkdir -p "$work"
mode=$([[ $build == build ]] || basename "$build")

kernel=($(printf "%s " skas/*.c | sed "s/\.c//g") kernel/lib/{regs,string,vsprintf,lock} gen/blobs.S)
host=(os-linux/{cgroup,clock,cpuinfo,event,fault,file,inherit,mem,needs,process,signal,space,space_caps,space_debug,space_died,space_place,space_trace,space_zygote,thread,why} os-linux/jail/{dynamic,folders,rights,threads,user} os-linux/state/base)
make -s MODE="$mode" "$build/gen/stub_syms.h" $(printf "$build/obj/%s.o " "${kernel[@]}" "${host[@]}")

flags=(-std=gnu11 -g -O2 -I. "-I$build" -Wall -Wextra -Wno-unused-parameter -fno-strict-aliasing -fwrapv -fno-common)
world=(-ffreestanding -mgeneral-regs-only -mno-red-zone -fno-stack-protector -fno-pie -fno-asynchronous-unwind-tables
	-fcf-protection=none)
gcc "${flags[@]}" "${world[@]/-mgeneral-regs-only/-O2}" -Wno-array-bounds -nostdlib -static -Wl,-Ttext-segment=0x400000 -Wl,-z,noseparate-code -Wl,-N \
	-Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-T,tests/skas/guest.ld -o "$work/guest.elf" tests/skas/guest.c
objcopy -O binary "$work/guest.elf" "$work/guest.bin"
printf '.section .rodata\n.globl guest_start, guest_end\n.balign 4096\nguest_start:\n.incbin "%s"\nguest_end:\n' \
	"$work/guest.bin" >"$work/image.S"
printf '.section .note.GNU-stack,"",@progbits\n' >>"$work/image.S"
gcc -c -o "$work/image.o" "$work/image.S"
for part in harness runners; do
	gcc "${flags[@]}" "${world[@]}" -D__NESTLING_KERNEL__ -c -o "$work/$part.o" "tests/skas/$part.c"
done
for part in host lacks; do
	gcc "${flags[@]}" -D_GNU_SOURCE -fno-pie -c -o "$work/$part.o" "tests/skas/$part.c"
done
ld -r -o "$work/joined.o" "$work/harness.o" "$work/runners.o" "$work/image.o" $(printf "$build/obj/%s.o " "${kernel[@]}")
objcopy --keep-global-symbol=harness_main --keep-global-symbol=arch_unpark "$work/joined.o" "$work/kernel.o"
gcc -no-pie -pthread -Wl,-Ttext-segment=0x60000000 -Wl,--wrap=os_space_probe -o "$out" "$work/kernel.o" \
	"$work/host.o" "$work/lacks.o" \
	$(printf "$build/obj/%s.o " "${host[@]}")
