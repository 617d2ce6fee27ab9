// SANITIZER: the name of the sanitizer this is compiled with; not defined without one. gcc tells by macros, clang by
// features.
#ifndef ETWKIT_SANITIZER_H
#define ETWKIT_SANITIZER_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN
#elif __has_feature(thread_sanitizer)
#define WITH_TSAN
#elif __has_feature(memory_sanitizer)
#define SANITIZER "MemorySanitizer"
#endif
#endif

#if defined(WITH_ASAN) || defined(__SANITIZE_ADDRESS__)
#define SANITIZER "AddressSanitizer"
#define SANITIZER_IS_ADDRESS
#elif defined(WITH_TSAN) || defined(__SANITIZE_THREAD__)
#define SANITIZER "ThreadSanitizer"
#endif

#endif
