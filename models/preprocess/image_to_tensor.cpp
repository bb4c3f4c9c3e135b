#include "models/preprocess/image_to_tensor.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "models/preprocess/resample_kernels.h"

namespace vedette::models::preprocess {

namespace {

using backend::ComputeContext;
using backend::Matrix;

constexpr std::size_t kKeptPlans = 8;  // frame sizes

// Where one picture's values go, and how they are normalised.
struct Destination {
  Matrix y;  // the picture's patches
  ImageSize size;
  int patch_width, patch_height;
  const std::array<float, 3>*gain, *bias;

  // Pixels [first, first + count) of a row that lie one behind the other in `values`.
  void write(int channel, int row, int first, int count, const float* values) const {
    const auto c = static_cast<std::size_t>(channel);
    const int across = size.width / patch_width;
    while (count > 0) {
      const int column = first / patch_width, inside = first % patch_width;
      const int here = std::min(count, patch_width - inside);
      float* patch = y.row(static_cast<std::int64_t>(row / patch_height) * across + column);
      float* out = patch +
                   (static_cast<std::int64_t>(channel) * patch_height + row % patch_height) * patch_width +
                   inside;
      scale_values(values, here, (*gain)[c], (*bias)[c], out);
      first += here;
      values += here;
      count -= here;
    }
  }

  void write_row(int row, int first, int count, const RowView& values) const {
    write(0, row, first, count, values.red);
    write(1, row, first, count, values.green);
    write(2, row, first, count, values.blue);
  }
};

// What of a resized picture a centre crop shows, and where the rest of the crop, zeros, begins (torchvision's
// center_crop: padding first, then the crop).
struct Crop {
  Window source;
  int left = 0, top = 0;  // of the source inside the crop
};

void crop_axis(int size, int crop, int& source_first, int& source_count, int& offset) {
  if (crop > size) {
    offset = (crop - size) / 2;
    source_first = 0;
    source_count = size;
  } else {
    offset = 0;
    source_first = (size - crop) / 2;
    source_count = crop;
  }
}

Crop crop_of(const ImageSpec& spec, ImageSize resized) {
  Crop crop;
  const ImageSize size = spec.crop ? spec.crop_size : resized;
  crop_axis(resized.width, size.width, crop.source.left, crop.source.width, crop.left);
  crop_axis(resized.height, size.height, crop.source.top, crop.source.height, crop.top);
  return crop;
}

void check_spec(const ImageSpec& spec, PatchOrder order) {
  const auto positive = [](ImageSize size) { return size.width > 0 && size.height > 0; };
  bool good = positive(spec.size) && spec.edge > 0 && positive(spec.crop_size) && spec.tile >= 0 &&
              order.patch >= 0 && spec.scale > 0.0F && !(spec.tile > 0 && spec.crop);
  for (const float deviation : spec.deviation) good = good && deviation > 0.0F;
  if (!good) throw std::invalid_argument("image to tensor: sizes and deviations must be above 0");
}

FrameView rgb_frame(std::span<const std::uint8_t> pixels, ImageSize size) {
  FrameView frame;
  frame.format = PixelFormat::kRgb;
  frame.width = size.width;
  frame.height = size.height;
  frame.planes[0] = pixels;
  frame.strides[0] = 3 * size.width;
  return frame;
}

// Rows as 8-bit RGB pixels.
void store_rgb(const RowView& row, int width, std::uint8_t* out) {
  for (int x = 0; x < width; ++x) {
    out[3 * x] = static_cast<std::uint8_t>(row.red[x] + 0.5F);
    out[3 * x + 1] = static_cast<std::uint8_t>(row.green[x] + 0.5F);
    out[3 * x + 2] = static_cast<std::uint8_t>(row.blue[x] + 0.5F);
  }
}

}  // namespace

// The resizes of one frame format and size.
struct ImageToTensor::Plan {
  Plan(const ImageSpec& spec, const FrameView& frame)
      : frame_size{frame.width, frame.height},
        resized(resized_size(spec, frame_size)),
        grid(tile_grid(spec, frame_size)),
        crop(spec.tile > 0 ? Crop{{0, 0, resized.width, resized.height}} : crop_of(spec, resized)),
        first(frame.format, frame.width, frame.height, resized.width, resized.height, crop.source,
              spec.filter) {
    if (spec.tile == 0) return;
    ImageSize from = resized;
    const auto add = [&](ImageSize to) {
      further.emplace_back(PixelFormat::kRgb, from.width, from.height, to.width, to.height,
                           Window{0, 0, to.width, to.height}, spec.filter);
      sizes.push_back(to);
      from = to;
    };
    if (spec.split) add(tiled_size(spec, resized));
    if (!spec.split || grid.rows > 0) add({spec.tile, spec.tile});
  }

  ImageSize frame_size, resized;
  TileGrid grid;
  Crop crop;
  PictureResize first;
  std::vector<PictureResize> further;  // tiles: to whole tiles, and from there to one
  std::vector<ImageSize> sizes;        // what they give
};

ImageToTensor::ImageToTensor(const ImageSpec& spec, PatchOrder order) : spec_(spec), order_(order) {
  check_spec(spec, order);
  for (std::size_t c = 0; c < 3; ++c) {
    gain_[c] = spec.scale / spec.deviation[c];
    bias_[c] = -spec.mean[c] / spec.deviation[c];
  }
}

ImageToTensor::~ImageToTensor() = default;

ImageSize ImageToTensor::patch_grid(ImageSize frame) const {
  const ImageSize size = picture_size(frame);
  if (order_.patch == 0) return {1, 1};
  if (size.width % order_.patch != 0 || size.height % order_.patch != 0) {
    throw std::invalid_argument("image to tensor: a picture of " + std::to_string(size.width) + "x" +
                                std::to_string(size.height) + ", expected whole patches of " +
                                std::to_string(order_.patch));
  }
  return {size.width / order_.patch, size.height / order_.patch};
}

std::shared_ptr<const ImageToTensor::Plan> ImageToTensor::plan_for(const FrameView& frame) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(plans_.begin(), plans_.end(), [&](const auto& plan) {
      return plan->first.fits(frame.format, frame.width, frame.height);
    });
    if (found != plans_.end()) {
      std::rotate(plans_.begin(), found, found + 1);
      return plans_.front();
    }
  }
  auto plan = std::make_shared<const Plan>(spec_, frame);
  const std::lock_guard lock(mutex_);
  plans_.insert(plans_.begin(), plan);
  if (plans_.size() > kKeptPlans) plans_.pop_back();
  return plan;
}

void ImageToTensor::run(ComputeContext& context, const FrameView& frame, Matrix y) const {
  check_frame(frame);
  const ImageSize size{frame.width, frame.height}, grid = patch_grid(size), picture = picture_size(size);
  const std::int64_t rows = static_cast<std::int64_t>(tiles(size).pictures()) * grid.width * grid.height;
  const std::int64_t columns = 3LL * picture.width * picture.height / (grid.width * grid.height);
  if (y.rows != rows || y.columns != columns) {
    throw std::invalid_argument("image to tensor: expected room for [" + std::to_string(rows) + ", " +
                                std::to_string(columns) + "], received [" + std::to_string(y.rows) + ", " +
                                std::to_string(y.columns) + "]");
  }
  const auto plan = plan_for(frame);
  const backend::ScratchScope scope(context.scratch());
  if (spec_.tile > 0) {
    run_tiles(context, frame, *plan, y);
  } else {
    run_whole(context, frame, *plan, y);
  }
}

void ImageToTensor::run_whole(ComputeContext& context, const FrameView& frame, const Plan& plan,
                              Matrix y) const {
  const ImageSize size = picture_size(plan.frame_size);
  const bool patches = order_.patch > 0;
  const Destination to{
      y, size, patches ? order_.patch : size.width, patches ? order_.patch : size.height, &gain_, &bias_};
  const Crop& crop = plan.crop;
  if (crop.source.width < size.width || crop.source.height < size.height) {
    const auto black = context.array<float>(size.width);
    std::fill(black.begin(), black.end(), 0.0F);
    for (int row = 0; row < size.height; ++row) {
      to.write_row(row, 0, size.width, {black.data(), black.data(), black.data()});
    }
  }
  plan.first.run(context, frame, [&](int row, const RowView& values) {
    to.write_row(row + crop.top, crop.left, crop.source.width, values);
  });
}

void ImageToTensor::run_tiles(ComputeContext& context, const FrameView& frame, const Plan& plan,
                              Matrix y) const {
  const auto make_picture = [&](ImageSize size) {
    return context.array<std::uint8_t>(3LL * size.width * size.height);
  };
  auto picture = make_picture(plan.resized);
  ImageSize size = plan.resized;
  plan.first.run(context, frame, [&](int row, const RowView& values) {
    store_rgb(values, size.width, picture.data() + 3LL * row * size.width);
  });
  const std::int64_t patches = y.rows / plan.grid.pictures();
  const auto destination = [&](std::int64_t index) {
    const bool cut = order_.patch > 0;
    return Destination{y.row_range(index * patches, patches),
                       {spec_.tile, spec_.tile},
                       cut ? order_.patch : spec_.tile,
                       cut ? order_.patch : spec_.tile,
                       &gain_,
                       &bias_};
  };
  std::size_t step = 0;
  if (plan.grid.rows > 0) {
    const ImageSize whole = plan.sizes[0];
    const auto larger = make_picture(whole);
    plan.further[0].run(context, rgb_frame(picture, size), [&](int row, const RowView& values) {
      store_rgb(values, whole.width, larger.data() + 3LL * row * whole.width);
      for (int column = 0; column < plan.grid.columns; ++column) {
        const int first = column * spec_.tile;
        destination(static_cast<std::int64_t>(row / spec_.tile) * plan.grid.columns + column)
            .write_row(row % spec_.tile, 0, spec_.tile,
                       {values.red + first, values.green + first, values.blue + first});
      }
    });
    picture = larger;
    size = whole;
    step = 1;
  }
  const Destination last = destination(plan.grid.pictures() - 1);
  plan.further[step].run(context, rgb_frame(picture, size),
                         [&](int row, const RowView& values) { last.write_row(row, 0, spec_.tile, values); });
}

}  // namespace vedette::models::preprocess
