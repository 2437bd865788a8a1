/* SPDX-License-Identifier: MIT */
/* uname(2), sethostname(2), setdomainname(2): names, lengths, permissions. */
#include "t.h"
#include <sys/utsname.h>

TEST(uname)
{
	struct utsname u, old;

	T(uname(&old));
	say("%s %s, a release %d, a version %d", old.sysname, old.machine,
		old.release[0] >= '0' && old.release[0] <= '9', old.version[0] == '#');
	T(syscall(SYS_uname, BAD));
	T(sethostname("name.with-64", 12));
	uname(&u);
	say("%s", u.nodename);
	T(sethostname("xyz", 2));
	uname(&u);
	say("%s", u.nodename);
	T(setdomainname("domain", 6));
	uname(&u);
	say("%s", u.domainname);
	T(sethostname("x", -1));
	T(sethostname("x", 65));
	T(sethostname(BAD, 5));
	T(setdomainname(BAD, 5));
	T(setdomainname("x", 100));
	T(sethostname("", 0));
	uname(&u);
	say("'%s'", u.nodename);
	CHILD({
		NEED(setuid(65534));
		T(sethostname("x", 1));
		T(setdomainname("x", 1));
	});
	NEED(sethostname(old.nodename, strlen(old.nodename)));
	NEED(setdomainname(old.domainname, strlen(old.domainname)));
}
