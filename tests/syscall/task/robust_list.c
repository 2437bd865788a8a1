/* SPDX-License-Identifier: MIT */
/* set_robust_list(2), get_robust_list(2): what is left behind by a dead owner. */
#include "t.h"
#include <linux/futex.h>

static pthread_mutex_t *mutex;

static void *dies(void *arg)
{
	pthread_mutex_lock(mutex);
	return NULL;
}

static void owner_died(void)
{
	pthread_mutexattr_t attr;
	pthread_t t;

	mutex = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(mutex, &attr);
	NEED0(pthread_create(&t, NULL, dies, NULL));
	pthread_join(t, NULL);
	say("after a thread died: %s", t_errno(pthread_mutex_lock(mutex)));
	say("consistent: %d", pthread_mutex_consistent(mutex));
	pthread_mutex_unlock(mutex);
	CHILD({
		pthread_mutex_lock(mutex);
		raise(SIGKILL);
	});
	say("after a process was killed: %s", t_errno(pthread_mutex_lock(mutex)));
	pthread_mutex_unlock(mutex); /* not made consistent */
	say("not recoverable: %s", t_errno(pthread_mutex_lock(mutex)));
	pthread_mutex_init(mutex, &attr);
	{
		pid_t pid = SPAWN({
			pthread_mutex_lock(mutex);
			pause();
		});

		t_until(pid, 'S');
		{
			pid_t waiter = SPAWN(_exit(pthread_mutex_lock(mutex)));

			t_until(waiter, 'S');
			kill(pid, SIGKILL);
			t_wait("owner", pid);
			say("a waiter is woken with EOWNERDEAD: %d",
				WEXITSTATUS(t_wait("waiter", waiter)) == EOWNERDEAD);
		}
	}
}

static void raw(void)
{
	struct robust_list_head head = { { &head.list }, 0, NULL }, *got;
	size_t len;

	T(syscall(SYS_set_robust_list, &head, sizeof(head)));
	T(syscall(SYS_set_robust_list, &head, 7));
	T(syscall(SYS_get_robust_list, 0, &got, &len));
	say("%d %zu", got == &head, len);
	T(syscall(SYS_get_robust_list, 1 << 29, &got, &len));
	T(syscall(SYS_get_robust_list, 0, BAD, &len));
	T(syscall(SYS_get_robust_list, 0, &got, BAD));
	CHILD({
		T(syscall(SYS_get_robust_list, getppid(), &got, &len));
		NEED(setuid(65534));
		T(syscall(SYS_get_robust_list, getppid(), &got, &len));
	});
	CHILD({ /* a list that is no list must not hurt */
		struct robust_list_head loop = { { (void *)0x10 }, 0, NULL };

		syscall(SYS_set_robust_list, &loop, sizeof(loop));
		_exit(0);
	});
	CHILD({ /* a ring that never ends */
		static struct robust_list_head ring;
		static struct robust_list a, b;

		a.next = &b;
		b.next = &a;
		ring.list.next = &a;
		syscall(SYS_set_robust_list, &ring, sizeof(ring));
		_exit(0);
	});
	{
		int *word =
			mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		CHILD({
			static struct robust_list_head h;
			struct robust_list *item = (struct robust_list *)(word + 2);

			item->next = &h.list;
			h.list.next = item;
			h.futex_offset = -(long)(2 * sizeof(int));
			*word = (int)syscall(SYS_gettid) | (int)FUTEX_WAITERS;
			syscall(SYS_set_robust_list, &h, sizeof(h));
		});
		say("word %#x", (unsigned)*word);
	}
}

TEST(robust_list)
{
	owner_died();
	raw();
}
