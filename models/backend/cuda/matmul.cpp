#include "models/backend/cuda/matmul.h"

#include <stdexcept>
#include <string>

namespace vedette::models::backend::cuda {

namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{4} << 20;  // at most, of one product

void check(cublasStatus_t code, const char* call) {
  if (code == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string(call) + ": " + cublasLtGetStatusName(code) + " (" +
                           std::to_string(code) + "): " + cublasLtGetStatusString(code));
}

struct LayoutDeleter {
  void operator()(cublasLtMatrixLayout_t layout) const { cublasLtMatrixLayoutDestroy(layout); }
};
using Layout = std::unique_ptr<cublasLtMatrixLayoutOpaque_t, LayoutDeleter>;

struct DescriptionDeleter {
  void operator()(cublasLtMatmulDesc_t description) const { cublasLtMatmulDescDestroy(description); }
};
using Description = std::unique_ptr<cublasLtMatmulDescOpaque_t, DescriptionDeleter>;

struct PreferenceDeleter {
  void operator()(cublasLtMatmulPreference_t preference) const {
    cublasLtMatmulPreferenceDestroy(preference);
  }
};
using Preference = std::unique_ptr<cublasLtMatmulPreferenceOpaque_t, PreferenceDeleter>;

Layout make_layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  cublasLtMatrixLayout_t layout = nullptr;
  check(cublasLtMatrixLayoutCreate(&layout, type, static_cast<std::uint64_t>(rows),
                                   static_cast<std::uint64_t>(columns), stride),
        "cublasLtMatrixLayoutCreate");
  return Layout(layout);
}

}  // namespace

struct Matmul::Plan {
  Description description;
  Layout w, x, y;
  cublasLtMatmulHeuristicResult_t choice{};
};

Matmul::Matmul() {
  check(cublasLtCreate(&handle_), "cublasLtCreate");
}

Matmul::~Matmul() {
  plans_.clear();
  cublasLtDestroy(handle_);
}

const Matmul::Plan& Matmul::plan_of(ComputeContext& context, const Key& key) {
  const std::lock_guard lock(mutex_);
  auto& slot = plans_[key];
  if (slot != nullptr) return *slot;
  context.count_plan_build();
  const auto& [rows, in, out, x_stride, y_stride, alignment, bf16] = key;
  const cudaDataType_t type = bf16 ? CUDA_R_16BF : CUDA_R_32F;
  auto plan = std::make_unique<Plan>();
  cublasLtMatmulDesc_t description = nullptr;
  check(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
  plan->description.reset(description);
  const cublasOperation_t transposed = CUBLAS_OP_T;
  check(cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                       sizeof(transposed)),
        "cublasLtMatmulDescSetAttribute");
  // cuBLASLt counts by columns: what lies there as [out, in] rows is its [in, out] matrix, and y^T = w x^T.
  plan->w = make_layout(type, in, out, in);
  plan->x = make_layout(type, in, rows, x_stride);
  plan->y = make_layout(CUDA_R_32F, out, rows, y_stride);
  cublasLtMatmulPreference_t wishes = nullptr;
  check(cublasLtMatmulPreferenceCreate(&wishes), "cublasLtMatmulPreferenceCreate");
  const Preference preference(wishes);
  check(cublasLtMatmulPreferenceSetAttribute(wishes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                             &kWorkspaceBytes, sizeof(kWorkspaceBytes)),
        "cublasLtMatmulPreferenceSetAttribute");
  // Left alone, cuBLASLt expects 256 bytes; rows may begin at any column of a wider matrix.
  for (const auto attribute :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    check(cublasLtMatmulPreferenceSetAttribute(wishes, attribute, &alignment, sizeof(alignment)),
          "cublasLtMatmulPreferenceSetAttribute");
  }
  int found = 0;
  check(cublasLtMatmulAlgoGetHeuristic(handle_, description, plan->w.get(), plan->x.get(), plan->y.get(),
                                       plan->y.get(), wishes, 1, &plan->choice, &found),
        "cublasLtMatmulAlgoGetHeuristic");
  if (found == 0) throw std::runtime_error("cublasLtMatmulAlgoGetHeuristic: no algorithm for this shape");
  slot = std::move(plan);
  return *slot;
}

void Matmul::multiply(ComputeContext& context, cudaStream_t stream, const void* w, const void* x,
                      std::int64_t x_stride, std::int64_t in, bool bf16, Matrix y) {
  const auto addresses = reinterpret_cast<std::uintptr_t>(x) | reinterpret_cast<std::uintptr_t>(y.data);
  const std::uint32_t alignment = addresses % 16 == 0 ? 16 : 4;
  const Plan& plan = plan_of(context, {y.rows, in, y.columns, x_stride, y.stride, alignment, bf16});
  const float one = 1.0F, zero = 0.0F;
  const std::size_t bytes = plan.choice.workspaceSize;
  void* workspace = bytes == 0 ? nullptr : context.scratch().take(bytes);
  check(cublasLtMatmul(handle_, plan.description.get(), &one, w, plan.w.get(), x, plan.x.get(), &zero, y.data,
                       plan.y.get(), y.data, plan.y.get(), &plan.choice.algo, workspace, bytes, stream),
        "cublasLtMatmul");
}

}  // namespace vedette::models::backend::cuda
