/* SPDX-License-Identifier: MIT */
/* access(2), faccessat(2), faccessat2(2): real and effective ids, flags, what root may. */
#include "t.h"

static void modes(const char *path)
{
	static const int mode[] = { F_OK, R_OK, W_OK, X_OK, R_OK | W_OK, R_OK | X_OK };
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(mode) / sizeof(mode[0]); i++) {
		snprintf(text, sizeof(text), "access(%s, %d)", path, mode[i]);
		TN(text, access(path, mode[i]));
	}
}

static void all_modes(void)
{
	modes("f0");
	modes("f4");
	modes("f7");
	modes("f1");
	modes("d0");
	modes("d7");
}

static void at(void)
{
	int dir = NEED(open("d7", O_RDONLY | O_DIRECTORY)), fd = NEED(open("f4", O_RDONLY));

	T(faccessat(dir, "in", F_OK, 0));
	T(faccessat(dir, "../f4", R_OK, 0));
	T(faccessat(fd, "in", F_OK, 0));
	T(faccessat(-1, "in", F_OK, 0));
	T(syscall(SYS_faccessat2, dir, "", F_OK, AT_EMPTY_PATH));
	T(syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH));
	T(syscall(SYS_faccessat2, dir, "", F_OK, 0));
	T(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, 0));
	T(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
	T(syscall(SYS_faccessat2, AT_FDCWD, "f4", R_OK, AT_EACCESS));
	T(syscall(SYS_faccessat2, AT_FDCWD, "f4", R_OK, 1 << 20));
	T(syscall(SYS_faccessat, AT_FDCWD, "f4", 8));
}

TEST(access)
{
	t_text("f0", "");
	t_text("f4", "");
	t_text("f7", "");
	t_text("f1", "");
	NEED(chmod("f0", 0));
	NEED(chmod("f4", 0444));
	NEED(chmod("f7", 0777));
	NEED(chmod("f1", 0001));
	NEED(mkdir("d7", 0777));
	NEED(mkdir("d0", 0));
	t_text("d7/in", "");
	t_text("d0/in", "");
	NEED(symlink("missing", "dangling"));
	NEED(chmod(".", 0777));
	say("as root");
	all_modes();
	at();
	T(access("missing", F_OK));
	T(access("f4/x", F_OK));
	T(access("", F_OK));
	T(access(BAD, F_OK));
	T(access("f4", 8));
	T(access("f4", -1));
	say("as nobody");
	CHILD({
		NEED(setresgid(65534, 65534, 65534));
		NEED(setresuid(65534, 65534, 65534));
		all_modes();
		T(access("d0/in", F_OK));
		T(access("d0/missing", F_OK));
	});
	say("real nobody, effective root");
	CHILD({
		NEED(setresuid(65534, 0, 0));
		T(access("f0", R_OK));
		T(access("d0/in", F_OK));
		T(syscall(SYS_faccessat2, AT_FDCWD, "f0", R_OK, AT_EACCESS));
		T(open("f0", O_RDONLY) >= 0);
	});
}
