/* What one of our functions may rely on when another one calls it: checked where TFP_ASSERTIONS is
 * defined, as the tests' builds do, and else free. What models, users or runtimes say is not for
 * it: that is refused with a sentence. */
#ifndef TFP_ASSERT_H_
#define TFP_ASSERT_H_

#if !defined(TFP_ASSERTIONS)
/* Nothing is evaluated, but a name that only an assertion uses counts as used. */
#define TFP_ASSERT(condition) ((void)sizeof((condition) ? 1 : 0))
#elif defined(_MSC_VER) && !defined(__clang__)
#define TFP_ASSERT(condition) ((condition) ? (void)0 : __debugbreak())
#else
#define TFP_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#endif

#endif
