// clearcut check env: what this build computes on, and what it found of it on this machine.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>

#include "apps/verbs.h"
#include "apps/version.h"
#include "tensor/collective.h"
#include "tensor/cuda_device.h"
#include "tensor/parallel.h"

namespace clearcut::apps {

namespace {

void line(const std::string& name, const std::string& text) {
  std::printf("%-12s%s\n", (name + ":").c_str(), text.c_str());
}

std::string cuda_version(int number) { return cat("CUDA ", number / 1000, ".", number % 1000 / 10); }

void print_cards(const CudaMachine& machine) {
  for (std::size_t i = 0; i < machine.cards.size(); ++i) {
    const CudaCard& card = machine.cards[i];
    line(cat("cuda:", i), cat(card.name, ", compute capability ", card.major, ".", card.minor, ", ",
                              card.multiprocessors, " multiprocessors, ", card.bytes >> 20, " MiB"));
  }
}

/// One rank's sum is itself; that it comes back shows that NCCL, driver and GPU work together.
void print_all_reduce() {
  try {
    const Tensor x = Tensor::full({3}, 2, DType::kFloat32, Device::kCuda);
    join_nccl(new_nccl_ticket(), 0, 1)->sum(x);
    const bool same = x.to(Device::kCpu).values<float>() == std::vector<float>{2, 2, 2};
    line("all-reduce", same ? "NCCL sums over one GPU" : "NCCL gave a wrong sum over one GPU");
  } catch (const Error& error) {
    line("all-reduce", error.what());
  }
}

void print_real(const CudaMachine& machine) {
  line("cuda", cat("kernels for GPUs of compute capability 8.0 and later, ", cuda_version(machine.runtime)));
  line("driver", machine.driver == 0 ? "none" : "up to " + cuda_version(machine.driver));
  print_cards(machine);
  for (const CudaLibrary& library : cuda_libraries())
    line(library.name, library.version.empty() ? cat("none (", library.use, " needs it): ", library.place)
                                               : cat(library.version, ", ", library.place));
  if (machine.missing.empty())
    print_all_reduce();
  else
    line("no kernels", machine.missing);
}

int print_environment() {
  std::cout << version_text() << "\n" << std::flush;
  line("threads", cat(threads()));
  if (cuda_is_emulated())
    line("cuda",
         "emulated: kernels run on the processor (--device cuda --emulate); make CUDA=1 builds for GPUs");
  else
    print_real(cuda_machine());
  return kDone;
}

}  // namespace

void add_check_env(CLI::App& check, Session& session) {
  auto* verb = check.add_subcommand("env", "what this build computes on: processor, GPUs, driver, libraries");
  on_run(*verb, session, print_environment);
}

}  // namespace clearcut::apps
