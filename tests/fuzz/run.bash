# SPDX-License-Identifier: MIT
# run.bash: sourced by the tests of this folder; fuzz SECONDS PARAMETER... runs the fuzzer in an
# instance of $KERNEL. FUZZ_SEED= and FUZZ_ROUNDS= repeat a run or a round (main.c says how).
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# A kernel of MODE, made where it is missing or old; its own nestctl comes with it.
use_mode() {
	make -s -C "$root" MODE="$1" all >"$work/make.log" 2>&1 || { no "build MODE=$1" "$(grep -m1 error "$work/make.log")"; exit 1; }
	NESTCTL=$root/build/$1/nestctl
}

# The console is kept whole in $BUILD/tests/fuzz/; what says why goes into the line.
fuzz() {
	local seconds=$1 name out parameters=() p code log
	shift
	name="$seconds s ${*:-}"
	out=$BUILD/tests/fuzz
	mkdir -p "$out"
	log="$out/$(tr -c 'a-z0-9\n' - <<<"${NESTCTL#"$root"/} $name").log"
	sh "$root/tests/fuzz/build.bash" "$work" || { no "$name" "does not build"; return; }
	on_disk fuzz.tar fuzz
	for p; do parameters+=(-p "$p"); done
	timeout -k 5 $((seconds + 400)) "$NESTCTL" run --mem 512M "${parameters[@]}" -p "ubd1r=$work/fuzz.tar" "$BUSYBOX" -- \
		sh -c "cd / && tar -xf /dev/ubdb && mv fuzz .fuzz && exec /.fuzz run $seconds '${FUZZ_SEED:-}' ${FUZZ_ROUNDS:-}" \
		</dev/null >"$log" 2>&1
	code=$?
	if [[ $code != 0 ]] || grep -qE '^(LEAK|HANG)|[Oo]ops|UBSAN|lockdep' "$log"; then
		no "$name" "status $code, $(grep -m1 -E '^(LEAK|HANG)|[Oo]ops|UBSAN|lockdep|panic' "$log"); $(grep '^fuzz: round' "$log" | tail -n 1) ($log)"
	else
		ok "$name: $(grep '^fuzz: [0-9]* rounds' "$log")"
	fi
}
