/* SPDX-License-Identifier: Apache-2.0 */
#include "test/fibre.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_THREAD__
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned int flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned int flags);
#endif
#ifdef __SANITIZE_ADDRESS__
void __asan_unpoison_memory_region(void const volatile *p, size_t size);
#endif

static void tsan_to(void *fibre)
{
#ifdef __SANITIZE_THREAD__
	__tsan_switch_to_fiber(fibre, 0);
#else
	(void)fibre;
#endif
}

static struct fibre *of(struct offload_waiter *w)
{
	return (struct fibre *)w;
}

static int fibre_pause(struct offload_waiter *w)
{
	struct fibre *f = of(w);

	f->pauses++;
	if (f->pause_rc)
		return f->pause_rc;
	tsan_to(f->tsan_caller);
	swapcontext(&f->here, &f->caller);
	return 0;
}

static void fibre_wake(struct offload_waiter *w)
{
	struct fibre *f = of(w);

	if (atomic_load(&f->dropped))
		atomic_fetch_add(&f->late, 1);
	if (f->on_wake)
		f->on_wake(f);
	atomic_fetch_add(&f->woken, 1);
}

static void fibre_get(struct offload_waiter *w)
{
	atomic_fetch_add(&of(w)->pins, 1);
}

static void fibre_put(struct offload_waiter *w)
{
	atomic_fetch_sub(&of(w)->pins, 1);
}

static int fibre_alarm(struct offload_waiter *w, uint64_t ns)
{
	(void)ns;
	of(w)->alarms++;
	return 0;
}

void fibre_init(struct fibre *f, bool alarm)
{
	memset(f, 0, sizeof(*f));
	f->w.pause = fibre_pause;
	f->w.wake = fibre_wake;
	f->w.get = fibre_get;
	f->w.put = fibre_put;
	f->w.alarm = alarm ? fibre_alarm : NULL;
}

static void fibre_main(unsigned int lo, unsigned int hi)
{
	struct fibre *f = (void *)((uintptr_t)hi << 32 | lo);

	f->rc = f->run(f);
	f->done = true;
	tsan_to(f->tsan_caller);
	setcontext(&f->caller);
}

void fibre_resume(struct fibre *f)
{
#ifdef __SANITIZE_THREAD__
	f->tsan_caller = __tsan_get_current_fiber();
#endif
	tsan_to(f->tsan);
	swapcontext(&f->caller, &f->here);
}

void fibre_start(struct fibre *f, int (*run)(struct fibre *), void *arg)
{
	uintptr_t p = (uintptr_t)f;

	f->run = run;
	f->arg = arg;
	f->done = false;
	if (!f->stack)
		f->stack = malloc(FIBRE_STACK);
#ifdef __SANITIZE_THREAD__
	if (!f->tsan)
		f->tsan = __tsan_create_fiber(0);
#endif
	getcontext(&f->here);
	f->here.uc_stack.ss_sp = f->stack;
	f->here.uc_stack.ss_size = FIBRE_STACK;
	f->here.uc_link = NULL;
	makecontext(&f->here, (void (*)(void))fibre_main, 2, (unsigned int)p,
		    (unsigned int)(p >> 32));
	fibre_resume(f);
}

void fibre_free(struct fibre *f)
{
#ifdef __SANITIZE_ADDRESS__
	if (f->stack)
		__asan_unpoison_memory_region(f->stack, FIBRE_STACK);
#endif
#ifdef __SANITIZE_THREAD__
	if (f->tsan)
		__tsan_destroy_fiber(f->tsan);
#endif
	free(f->stack);
	f->stack = NULL;
	f->tsan = NULL;
}
