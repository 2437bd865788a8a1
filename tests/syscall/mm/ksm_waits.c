/* SPDX-License-Identifier: MIT */
/*
 * ksm_waits: a program whose fault waits for a silent FUSE server keeps ksmd from its own pages
 * only. Only the guest does this, as in ksm.c.
 */
#include "guest.h"
#include "fuse_server.h"
#include "put.h"

#define KSM "/sys/kernel/mm/ksm/"

static volatile unsigned long held; /* the READ that waits */

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;

	if (h->opcode == FUSE_READ)
		held = h->unique;
	else
		serve_file(h, 0644, PAGE);
}

static long rounds(void)
{
	char text[32] = "";
	int fd = NEED(open(KSM "full_scans", O_RDONLY));

	NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	return atol(text);
}

static char *alike(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 'a', 2 * PAGE);
	GNEED(madvise(p, 2 * PAGE, MADV_MERGEABLE));
	return p;
}

static void wait_for_server(void)
{
	int fd = NEED(open("m/file", O_RDONLY));
	volatile char *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	alike();
	_exit(*p == 'x' ? 0 : 1);
}

static bool goes_round(void)
{
	static char page[PAGE];
	int status = 0;
	pid_t pid;
	long end;

	fuse_serve();
	alike();
	pid = SPAWN(wait_for_server());
	T_WAIT(held);
	end = rounds() + 3;
	NEED(put(KSM "run", "1"));
	T_WAIT(rounds() >= end);
	memset(page, 'x', sizeof(page));
	NEED(reply(held, 0, page, sizeof(page)));
	NEED(waitpid(pid, &status, 0));
	NEED(put(KSM "run", "2"));
	NEED(put(KSM "run", "0"));
	return !status && rounds() >= end;
}

TEST(ksm_waits)
{
	GIS(goes_round());
}
