/* SPDX-License-Identifier: MIT */
/*
 * packet_mmap: a socket is mapped while an option of it is read from memory that is not there yet:
 * mmap() must return at once. A host may refuse raw sockets, so the host's side prints what Linux
 * does.
 */
#include "guest.h"
#include <linux/if_packet.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int sock;
static void *page;

static void *set(void *unused)
{
	G(setsockopt(sock, SOL_PACKET, PACKET_RX_RING, page, sizeof(struct tpacket_req)), "0");
	return NULL;
}

TEST(packet_mmap)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage z = { .mode = 0 };
	pthread_t t;
	int uf;

	sock = GNEED(socket(AF_PACKET, SOCK_RAW, 0));
	uf = GNEED(syscall(SYS_userfaultfd, O_NONBLOCK));
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r.range = z.range = (struct uffdio_range){ (uintptr_t)page, PAGE };
	GNEED(ioctl(uf, UFFDIO_API, &api));
	GNEED(ioctl(uf, UFFDIO_REGISTER, &r));
	if (in_guest()) {
		NEED0(pthread_create(&t, NULL, set, NULL));
		poll(&(struct pollfd){ uf, POLLIN, 0 }, 1, -1); /* it sleeps in its fault */
	}
	G(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, sock, 0) == MAP_FAILED ? -1 : 0, "-1 EINVAL");
	GNEED(ioctl(uf, UFFDIO_ZEROPAGE, &z));
	if (in_guest())
		pthread_join(t, NULL);
	else
		set(NULL);
}
