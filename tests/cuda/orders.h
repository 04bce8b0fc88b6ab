// Every order in which the device at hand can run threads and blocks. The emulator has several; the PTX
// interpreter has one, and looks for races instead.
#pragma once

#include <functional>

namespace clearcut::test {

/// Calls body() under each of them. A right kernel gives the same numbers under all; a missing barrier does
/// not.
void in_each_order(const std::function<void()>& body);

}  // namespace clearcut::test
