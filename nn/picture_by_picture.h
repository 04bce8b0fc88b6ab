// A network in evaluation, one picture at a time on each thread.
#pragma once

#include <functional>

#include "nn/module.h"

namespace clearcut {

/// f(first, part) for parts of a batch, joined. What a network in evaluation says of a picture does not
/// depend on the others beside it; so each thread runs all layers on a picture of its own, instead of all
/// threads meeting behind every layer of all pictures. Activations of one picture per thread are all the
/// memory.
///
/// x        [N, ..., H, W], on the registry's device
/// f        the pictures first .. first + n of x [n, ...] -> [n, ...]; called on several threads at once, on
///          which no NoGrad lives yet. n is more than 1 where pictures are smaller than 32768 pixels.
/// returns  [N, ...], one behind the other
///
/// All of x is one part on other devices than cpu, where that gives fewer parts than threads, and while
/// something on this thread or in the network looks on (a tap, recorded paths, a trace, TermByTerm, DryRun).
/// Throws what f throws.
Tensor picture_by_picture(const Registry& registry, const Tensor& x,
                          const std::function<Tensor(std::int64_t first, const Tensor& part)>& f);

}  // namespace clearcut
