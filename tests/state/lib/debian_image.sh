# SPDX-License-Identifier: MIT
# debian_image.sh: sets $image to an image with systemd, a compiler, postgres and other programs,
# which is built if it is not there. Skips the test if the build fails.
image=${STATE_IMAGE:-$BUILD/tests/states.ext4}
if [[ ! -e $image ]]; then
	"$NESTCTL" image build --size 4G -o "$image" systemd-sysv dbus postgresql gdb strace tmux sqlite3 make gcc libc6-dev \
		>"$work/image.log" 2>&1 </dev/null || skip_rest "no image: $(tail -n 1 "$work/image.log" | cut -c1-120)"
fi
