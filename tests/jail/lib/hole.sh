# SPDX-License-Identifier: MIT
# hole.sh: sourced by the tests that get into a kernel process from its guest. It links the build
# with the planted hole, and builds the program that uses it.

# make_hole: links build/fallen/nestling and sets FALLEN to its path. Skips the test and fails if
# BUILD is not build/. Two tests may call it at once.
make_hole() {
	FALLEN=$root/build/fallen/nestling
	[[ $BUILD == "$root/build" ]] ||
		{ skip "${0##*/}" "MODE=fallen links the objects of build/, not of $BUILD"; return 1; }
	mkdir -p "$root/build/fallen"
	flock "$root/build/fallen" make -s -C "$root" MODE=fallen >"$work/make.log" 2>&1 ||
		{ no "MODE=fallen is linked" "$(tail -n 1 "$work/make.log")"; return 1; }
}
# make_agent FOLDER: builds FOLDER/agent, and FOLDER/agent.tar for an instance's disk
make_agent() {
	local lib=$root/tests/jail/lib flags=(-O2 -D_GNU_SOURCE -Wall -Wextra)
	gcc "${flags[@]}" -fPIC -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
		-fno-jump-tables -fno-tree-loop-distribute-patterns -c -o "$1/blob.o" "$lib/blob.c" &&
		gcc "${flags[@]}" -static -o "$1/agent" "$lib/agent.c" "$1/blob.o" &&
		tar -C "$1" -cf "$1/agent.tar" agent && truncate -s %512 "$1/agent.tar" ||
		{ no "the agent" "does not build"; return 1; }
}
