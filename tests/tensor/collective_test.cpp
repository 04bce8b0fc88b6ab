// Sums over ranks: their order, their bits, and what is said when one is gone.
#include "tensor/collective.h"

#include <gtest/gtest.h>

#include "tests/errors.h"
#include "tests/ranks.h"

namespace clearcut {
namespace {

using Numbers = std::vector<float>;

TEST(AllReduce, GathersWhatEachRankSays) {
  test::on_lanes(3, [](Lane& lane, Lane&) {
    const std::vector<std::string> said =
        gather(lane, std::string(static_cast<std::size_t>(lane.rank()), 'x'));
    EXPECT_EQ(said, (std::vector<std::string>{"", "x", "xx"}));
  });
}

// Ranks 1 and 3 have the same error, 2 another one, 0 none.
TEST(AllReduce, ErrorsBeforeTheStartAreToldOnceEach) {
  std::string told[4];
  test::on_lanes(4, [&](Lane& lane, Lane&) {
    std::string& mine = told[lane.rank()];
    try {
      all_or_none(lane, [] {});
      all_or_none(lane, [&] {
        check(lane.rank() == 0, "config", lane.rank() == 2 ? "no such file" : "a wrong key");
      });
    } catch (const SaidByAnotherRank& same) {
      try {
        std::rethrow_exception(same.error);
      } catch (const Error& error) {
        mine = cat("silent: ", error.what());
      }
    } catch (const Error& error) {
      mine = error.what();
    }
  });
  EXPECT_EQ(told[0], "silent: rank 1 could not start");
  EXPECT_EQ(told[1], "config: a wrong key");
  EXPECT_EQ(told[2], "config: no such file");
  EXPECT_EQ(told[3], "silent: config: a wrong key");
}

// 1 is half a unit in the last place of 2^24: (2^24 + 1) + 1 is 2^24 by ties to even, 2^24 + (1 + 1) is not.
TEST(AllReduce, AddsInPairs) {
  const Numbers rows = {16777216, 1, 1, 1};  // (2^24 + 1) + (1 + 1) = 2^24 + 2; from the left 2^24
  for (const int ranks : {1, 2, 4})
    test::on_ranks(ranks, [&](AllReduce& sums) {
      std::vector<Tensor> mine;
      const int each = 4 / sums.ranks();
      for (int i = 0; i < each; ++i)
        mine.push_back(Tensor::full({3}, rows[static_cast<std::size_t>(sums.rank() * each + i)]));
      sums.sum(mine);
      EXPECT_EQ(mine[0].values<float>(), (Numbers{16777218, 16777218, 16777218})) << ranks << " ranks";
    });
}

// More ranks than numbers, and doubles: small whole numbers have exact sums.
TEST(AllReduce, SumsAnyShapeOfFloatsAndDoubles) {
  test::on_ranks(3, [](AllReduce& sums) {
    const int r = sums.rank();
    const Tensor one = Tensor::full({}, r, DType::kFloat64);
    sums.sum(one);
    EXPECT_EQ(one.item(), 0 + 1 + 2);
    const Tensor x = Tensor::from<float>({2, 2}, {static_cast<float>(r), 2, 3, 4});
    sums.sum(x);
    EXPECT_EQ(x.values<float>(), (Numbers{3, 6, 9, 12}));
    const Tensor none = Tensor::zeros({0, 4});
    sums.sum(none);
    EXPECT_EQ(none.numel(), 0);
  });
}

TEST(AllReduce, StagesTensorsOfTheDeviceThroughTheHost) {
  test::on_ranks(2, [](AllReduce& sums) {
    const Tensor x = Tensor::full({5}, sums.rank() + 1, DType::kFloat32, Device::kCuda);
    sums.sum(x);
    EXPECT_EQ(x.values<float>(), Numbers(5, 3));
  });
}

TEST(AllReduce, StartedSumsRunBesideTheOthers) {
  test::on_ranks(2, [](AllReduce& sums) {
    std::vector<Tensor> buckets;
    for (int i = 0; i < 5; ++i) {
      buckets.push_back(Tensor::full({100}, i + sums.rank()));
      sums.start_sum(buckets.back());
      const Tensor between = Tensor::full({}, 1);
      sums.sum(between);
      EXPECT_EQ(between.item(), 2);
    }
    sums.finish();
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(buckets[static_cast<std::size_t>(i)].values<float>(),
                Numbers(100, static_cast<float>(2 * i + 1)));
  });
}

TEST(AllReduce, RowsMustBeAlike) {
  test::on_ranks(1, [](AllReduce& sums) {
    expect_error([&] { sums.sum(std::vector<Tensor>{}); }, "all-reduce: there is nothing to add");
    expect_error(
        [&] {
          sums.sum({Tensor::zeros({2}), Tensor::zeros({3})});
        },
        "all-reduce: rows must have one shape; got [2] and [3]");
    expect_error([&] { sums.sum(Tensor::zeros({2}, DType::kInt32)); }, "all-reduce: dtype must be one of");
    sums.start_sum(Tensor::zeros({2}, DType::kInt32));
    expect_error([&] { sums.finish(); }, "all-reduce: dtype must be one of");
    const Tensor x = Tensor::full({2}, 3);
    sums.start_sum(x);  // after an error was told, sums go on
    sums.finish();
    EXPECT_EQ(x.values<float>(), (Numbers{3, 3}));
  });
}

TEST(AllReduce, ARankThatIsGoneIsAnErrorForTheOthers) {
  expect_error(
      [] {
        test::on_ranks(2, [](AllReduce& sums) {
          if (sums.rank() == 1) fail("rank 1", "the disk is full");
          EXPECT_THROW(sums.sum(Tensor::zeros({2})), RankLost);
        });
      },
      "rank 1: the disk is full");
}

TEST(OneOfRanks, SaysByWhatAShareOfTheMeanIsDivided) {
  EXPECT_EQ(OneOfRanks::active(), nullptr);
  EXPECT_EQ(OneOfRanks::count(), 1);
  test::on_ranks(2, [](AllReduce& sums) {
    const double mine = sums.rank() == 0 ? 3 : 5;
    {
      const OneOfRanks global(sums, OneOfRanks::Mean::kGlobal);
      EXPECT_EQ(OneOfRanks::count(), 2);
      EXPECT_EQ(OneOfRanks::active()->share_denominator(mine), 3 + 5);
    }
    const OneOfRanks each(sums, OneOfRanks::Mean::kRank);
    EXPECT_EQ(OneOfRanks::active()->share_denominator(mine), 2 * mine);
  });
}

}  // namespace
}  // namespace clearcut
