/* SPDX-License-Identifier: MIT */
/* chroot(2): names below the new root, "..", links, permissions. */
#include "t.h"

TEST(chroot)
{
	char buf[PATH_MAX];
	int outside = NEED(open(".", O_RDONLY));

	NEED(mkdir("r", 0755));
	NEED(mkdir("r/d", 0755));
	t_text("r/f", "inside");
	t_text("f", "outside");
	NEED(symlink("/f", "r/abs"));
	NEED(symlink("../f", "r/d/rel"));
	NEED(symlink("../../../../f", "r/d/many"));
	CHILD({
		T(chroot("r"));
		t_cat("f"); /* the directory stays outside */
		t_cat("/f");
		t_cat("/abs");
		t_cat("/d/many");
		NEED(syscall(SYS_getcwd, buf, sizeof(buf)));
		say("%.13s", buf);
		T(chdir("/d"));
		NEED(syscall(SYS_getcwd, buf, sizeof(buf)));
		say("%s", buf);
		t_cat("rel");
		t_cat("../f");
		t_cat("../../../f");
		T(fchdir(outside));
		t_cat("f");
		T(chroot("r/d"));
		T(chroot("/f"));
	});
	t_cat("/f");
	T(chroot("missing"));
	T(chroot("f"));
	T(chroot(BAD));
	CHILD({
		NEED(setuid(65534));
		T(chroot("r"));
	});
	NEED(chmod("r", 0600));
	T(chroot("r") == 0); /* root may search */
}
