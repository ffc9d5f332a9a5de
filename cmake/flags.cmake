# semroute_flags: what every target of this project is compiled with.
add_library(semroute_flags INTERFACE)
target_include_directories(semroute_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(semroute_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fno-omit-frame-pointer)
target_compile_definitions(semroute_flags INTERFACE SEMROUTE_VERSION="${PROJECT_VERSION}")

# Optimised everywhere, assertions of libraries off, our own SEMROUTE_CHECK stays on.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")

if(SEMROUTE_SANITIZE)
  # -O1 builds in half the time; the checks of libstdc++ come on top of the sanitizer's.
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -DNDEBUG -D_GLIBCXX_ASSERTIONS")
endif()
if(SEMROUTE_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(SEMROUTE_SANITIZE STREQUAL "fuzzer")
  # Everything is instrumented for libFuzzer, which is linked to the programs of tests/fuzz alone.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(SEMROUTE_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
  # Fences are invisible to ThreadSanitizer; Asio then uses plain atomics.
  add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
elseif(SEMROUTE_SANITIZE)
  message(FATAL_ERROR "SEMROUTE_SANITIZE must be address, thread or fuzzer, got ${SEMROUTE_SANITIZE}")
endif()

# semroute_floor(NAME DEPENDS...): one static library from every .cpp of the folder but main.cpp.
function(semroute_floor name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC semroute_flags ${ARGN})
endfunction()
