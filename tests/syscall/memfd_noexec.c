/* SPDX-License-Identifier: MIT */
/* vm.memfd_noexec: what memfd_create(2) does without MFD_EXEC and MFD_NOEXEC_SEAL. */
#include "guest.h"

#define EXEC 16U
#define NOEXEC_SEAL 8U
#define SEAL_EXEC 0x20

static void set(const char *to)
{
	int fd = GNEED(open("/proc/sys/vm/memfd_noexec", O_WRONLY));

	if (in_guest()) {
		NEED(write(fd, to, strlen(to)));
		close(fd);
	}
}

static long make(unsigned flags)
{
	struct stat st;
	int fd = (int)syscall(SYS_memfd_create, "m", flags), seals;

	if (fd == -1)
		return -1;
	NEED(fstat(fd, &st));
	seals = fcntl(fd, F_GET_SEALS);
	close(fd);
	return (st.st_mode & 0777) * 100 + seals;
}

TEST(memfd_noexec)
{
	G(make(0), "51101");
	G(make(EXEC), "51101");
	G(make(NOEXEC_SEAL), "43832");
	set("1\n");
	G(make(0), "43832");
	G(make(EXEC), "51101");
	set("2\n");
	G(make(0), "43832");
	G(make(EXEC), "-1 EACCES");
	G(make(NOEXEC_SEAL), "43832");
	set("0\n");
	G(make(0), "51101");
}
