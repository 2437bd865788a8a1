/* SPDX-License-Identifier: MIT */
/*
 * event.c: interrupt lines, kicks, and the event set that idle vCPUs sleep in.
 *
 *	os_irq_raise(irq)     sets the line's bit in the page that both worlds share; kicks a vCPU when none would look by itself
 *	os_idle(cpu, t)       the first idle vCPU owns the event set and waits for it, the others on their kicked word
 *	os_event_poll(cpu)    a busy vCPU looks at the set
 *
 * An fd's readiness sets its line's bit, in the vCPU that waited: no thread lies in between.
 *
 * An event that the owner takes for the sake of another idle vCPU costs two wake-ups. When that happens again and again for one and the
 * same, that one is the heir: it takes the set over when it goes idle.
 *
 * Invariants:
 * 1. owner is a vCPU in os_idle() or os_event_poll(), or -1. Only it waits for the set.
 * 2. Whoever writes kicked from 0 to 1 sends what is needed; who finds 1 relies on that one. A vCPU looks at kicked after it has
 *    published its state (or has become the owner), so a kick that was sent too early is seen.
 *
 * 3. While there is an heir that has not taken over, nobody else becomes the owner; it does, or gives up being the heir and tries once more.
 *
 * Locks: none. The words of struct os_irq_page, owner and heir are atomic, each step ordered by a full barrier.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/internal.h"

#define KICK_EVENT (~(uint64_t)0)
#define EVENTS_AT_ONCE 32
#define HEIR_AFTER 8 /* events for one vCPU in a row */
/* The owner needs a wake-up's time to give way; on a busy host the heir had better sleep, and be one later. */
#define HEIR_TRIES 50

static struct os_irq_page *page; /* set once by os_irq_setup() */
static int ncpus;
static int event_set = -1, kick_fd = -1;
static int owner = -1;
static int heir = -1;
static struct {          /* guesses: a race costs a wake-up */
	int taken;       /* events have come that nobody was woken for yet */
	int whom, often; /* who was woken for the last ones, how often in a row */
} served = { .whom = -1 };
static uint8_t
	owned[OS_MAX_CPUS]; /* has been the owner, idle, since it looked at the set last; its own */
static void (*kicker)(int cpu);

void os_kicker_set(void (*kick)(int cpu))
{
	__atomic_store_n(&kicker, kick, __ATOMIC_RELEASE);
}

/* Edge-triggered, so that the eventfd need never be read. */
int os_irq_setup(struct os_irq_page *p, int n)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = KICK_EVENT };

	event_set = epoll_create1(EPOLL_CLOEXEC);
	kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event_set < 0 || kick_fd < 0 || epoll_ctl(event_set, EPOLL_CTL_ADD, kick_fd, &ev))
		return -errno;
	ncpus = n;
	__atomic_store_n(&page, p, __ATOMIC_RELEASE);
	return 0;
}

int os_event_add(int fd, uint32_t events, int irq)
{
	struct epoll_event ev = { .events = events | EPOLLONESHOT, .data.u64 = irq };

	return epoll_ctl(event_set, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

int os_event_rearm(int fd, uint32_t events, int irq)
{
	struct epoll_event ev = { .events = events | EPOLLONESHOT, .data.u64 = irq };

	return epoll_ctl(event_set, EPOLL_CTL_MOD, fd, &ev) ? -errno : 0;
}

void os_event_del(int fd)
{
	epoll_ctl(event_set, EPOLL_CTL_DEL, fd, NULL);
}

static uint32_t cpu_state(int cpu)
{
	return __atomic_load_n(&page->cpu[cpu].state, __ATOMIC_SEQ_CST);
}

/* The owner has woken @cpu, perhaps because of what it has just taken. */
static void note_served(int cpu)
{
	int same = __atomic_load_n(&served.whom, __ATOMIC_RELAXED) == cpu;

	if (!__atomic_exchange_n(&served.taken, 0, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&served.whom, cpu, __ATOMIC_RELAXED);
	__atomic_store_n(&served.often,
		same ? __atomic_load_n(&served.often, __ATOMIC_RELAXED) + 1 : 1, __ATOMIC_RELAXED);
}

void os_cpu_kick(int cpu)
{
	uint32_t *kicked = &page->cpu[cpu].kicked;
	void (*kick)(int cpu);
	uint64_t one = 1;

	if (__atomic_exchange_n(kicked, 1, __ATOMIC_SEQ_CST))
		return;
	switch (cpu_state(cpu)) {
	case OS_CPU_GUEST:
		kick = __atomic_load_n(&kicker, __ATOMIC_ACQUIRE);
		if (kick)
			kick(cpu);
		break;
	case OS_CPU_IDLE:
		if (__atomic_load_n(&owner, __ATOMIC_SEQ_CST) != cpu) {
			note_served(cpu);
			os_futex_wake(kicked, 1);
		} else if (write(kick_fd, &one, sizeof(one)) < 0)
			return; /* the counter is full: readable already */
		break;
	}
}

/* A vCPU that will come to a boundary by itself is best, then one that sleeps, the owner of the set first. */
static int choose_cpu(void)
{
	int idle = -1, guest = -1;

	for (int i = 0; i < ncpus; i++) {
		switch (cpu_state(i)) {
		case OS_CPU_KERNEL: return -1;
		case OS_CPU_IDLE:
			if (idle < 0 || __atomic_load_n(&owner, __ATOMIC_RELAXED) == i)
				idle = i;
			break;
		case OS_CPU_GUEST:
			if (guest < 0)
				guest = i;
			break;
		}
	}
	return idle >= 0 ? idle : guest;
}

/* True when the bit was not set before. */
static int set_pending(int irq)
{
	uint64_t bit = (uint64_t)1 << (irq % 64);

	return !(__atomic_fetch_or(&page->pending[irq / 64], bit, __ATOMIC_SEQ_CST) & bit);
}

void os_irq_raise(int irq)
{
	int cpu;

	if (irq < 0 || irq >= OS_MAX_IRQS || !__atomic_load_n(&page, __ATOMIC_ACQUIRE) ||
		!set_pending(irq))
		return;
	cpu = choose_cpu();
	if (cpu >= 0)
		os_cpu_kick(cpu);
}

void os_kick_guests(void)
{
	if (!__atomic_load_n(&page, __ATOMIC_ACQUIRE))
		return;
	for (int i = 0; i < ncpus; i++)
		if (cpu_state(i) == OS_CPU_GUEST)
			os_cpu_kick(i);
}

/* epoll_pwait2, and for hosts before Linux 5.11 the one that counts milliseconds. */
static int wait_events(struct epoll_event *ev, uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	int n = epoll_pwait2(event_set, ev, EVENTS_AT_ONCE, ns == OS_FOREVER ? NULL : &ts, NULL);
	uint64_t ms;

	if (n >= 0 || errno != ENOSYS)
		return n;
	ms = ns == OS_FOREVER ? 0 : (ns + 999999) / 1000000;
	return epoll_wait(event_set, ev, EVENTS_AT_ONCE,
		ns == OS_FOREVER ? -1 :
		ms > 100000      ? 100000 :
				   (int)ms);
}

/* The caller is the owner. */
static void take_events(uint64_t ns)
{
	struct epoll_event ev[EVENTS_AT_ONCE];
	int n = wait_events(ev, ns);

	for (int i = 0; i < n; i++) {
		if (ev[i].data.u64 == KICK_EVENT)
			continue;
		set_pending((int)ev[i].data.u64);
		if (__atomic_exchange_n(&served.taken, 1,
			    __ATOMIC_RELAXED)) /* the last ones were for nobody else */
			__atomic_store_n(&served.often, 0, __ATOMIC_RELAXED);
	}
}

static int become_owner(int cpu)
{
	int nobody = -1, next = __atomic_load_n(&heir, __ATOMIC_SEQ_CST);

	if (next >= 0 && next != cpu)
		return 0;
	return __atomic_compare_exchange_n(
		&owner, &nobody, cpu, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static int is_kicked(int cpu)
{
	return __atomic_load_n(&page->cpu[cpu].kicked, __ATOMIC_SEQ_CST) != 0;
}

/* For a vCPU that goes idle, when another one owns the set: 1 when it is ours now. */
static int take_over(int cpu)
{
	int nobody = -1, was = __atomic_load_n(&owner, __ATOMIC_SEQ_CST), mine = 0;

	if (__atomic_load_n(&served.whom, __ATOMIC_RELAXED) != cpu ||
		__atomic_load_n(&served.often, __ATOMIC_RELAXED) < HEIR_AFTER)
		return 0;
	__atomic_store_n(&served.often, 0, __ATOMIC_RELAXED);
	if (!__atomic_compare_exchange_n(
		    &heir, &nobody, cpu, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return 0;
	if (was >= 0)
		os_cpu_kick(was);
	for (int i = 0; i < HEIR_TRIES && !mine && !is_kicked(cpu); i++) {
		mine = become_owner(cpu);
		if (!mine)
			sched_yield();
	}
	__atomic_store_n(&heir, -1, __ATOMIC_SEQ_CST);
	return mine || become_owner(cpu);
}

static int has_pending(void)
{
	for (size_t i = 0; i < OS_MAX_IRQS / 64; i++)
		if (__atomic_load_n(&page->pending[i], __ATOMIC_SEQ_CST))
			return 1;
	return 0;
}

void os_idle(int cpu, uint64_t deadline)
{
	uint32_t *kicked = &page->cpu[cpu].kicked;
	uint64_t now;

	if (!become_owner(cpu) && !take_over(cpu)) {
		os_futex_wait(kicked, 0, deadline);
		return;
	}
	owned[cpu] = 1;
	now = deadline == OS_FOREVER ? 0 : os_clock_mono();
	if (!__atomic_load_n(kicked, __ATOMIC_SEQ_CST) && !has_pending() && now < deadline)
		take_events(deadline == OS_FOREVER ? OS_FOREVER : deadline - now);
	__atomic_store_n(&owner, -1, __ATOMIC_SEQ_CST);
}

/* A vCPU that sleeps on its futex makes the better owner, unless we sleep now and then ourselves. */
void os_event_poll(int cpu)
{
	if (__atomic_load_n(&owner, __ATOMIC_SEQ_CST) != -1)
		return;
	for (int i = 0; i < ncpus && !owned[cpu]; i++) {
		if (i != cpu && cpu_state(i) == OS_CPU_IDLE) {
			os_cpu_kick(i);
			return;
		}
	}
	owned[cpu] = 0;
	if (!become_owner(cpu))
		return;
	take_events(0);
	__atomic_store_n(&owner, -1, __ATOMIC_SEQ_CST);
}
