#include "models/weights/ctranslate2.h"

#include "models/weights/byte_reader.h"

namespace vedette::models::weights {

namespace {

constexpr std::size_t kMinVariableBytes = 2 + 1 + 1 + 4;  // length of the name, rank, type, size
constexpr std::size_t kMinAliasBytes = 2 + 2;
constexpr std::uint8_t kMaxRank = 5;

// A 16-bit length that counts a closing zero, then the text.
std::string read_string(ByteReader& in, const char* what) {
  const auto length = in.read<std::uint16_t>(what);
  const std::string_view text = in.text(length, what);
  if (text.empty() || text.back() != '\0') in.fail(std::string(what) + ": expected a text that ends in zero");
  return std::string(text.substr(0, text.size() - 1));
}

std::size_t bytes_of(ByteReader& in, Ct2Type type, const std::string& variable) {
  switch (type) {
    case Ct2Type::kF32:
    case Ct2Type::kI32: return 4;
    case Ct2Type::kI16:
    case Ct2Type::kF16:
    case Ct2Type::kBF16: return 2;
    case Ct2Type::kI8: return 1;
  }
  in.fail("variable " + variable + ": expected a type from 0 to 5, received " +
          std::to_string(static_cast<unsigned>(type)));
}

Ct2Variable read_variable(ByteReader& in, const std::string& name) {
  Ct2Variable variable;
  const auto rank = in.read<std::uint8_t>("rank");
  if (rank > kMaxRank)
    in.fail("variable " + name + ": expected at most 5 axes, received " + std::to_string(rank));
  variable.count = 1;
  for (int axis = 0; axis < rank; ++axis) {
    const auto extent = in.read<std::uint32_t>("extent");
    variable.extents.push_back(extent);
    if (__builtin_mul_overflow(variable.count, std::size_t{extent}, &variable.count) ||
        variable.count > (std::size_t{1} << 48)) {
      in.fail("variable " + name + ": an extent of " + std::to_string(extent) + " makes it too large");
    }
  }
  variable.type = static_cast<Ct2Type>(in.read<std::uint8_t>("type"));
  const std::size_t needed = variable.count * bytes_of(in, variable.type, name);
  const auto bytes = in.read<std::uint32_t>("size");
  if (bytes != needed) {
    in.fail("variable " + name + ": its shape and type need " + std::to_string(needed) +
            " bytes, received a size of " + std::to_string(bytes));
  }
  variable.bytes = in.take(bytes, "data of a variable");
  return variable;
}

}  // namespace

Ct2Model parse_ctranslate2(std::span<const std::byte> file, const std::string& name) {
  ByteReader in(file, name);
  const auto version = in.read<std::uint32_t>("binary version");
  if (version < 4 || version > 6) {
    in.fail("expected CTranslate2 binary version 4, 5 or 6, received " + std::to_string(version));
  }
  Ct2Model model;
  model.spec = read_string(in, "name of the spec");
  model.revision = in.read<std::uint32_t>("revision of the spec");
  const auto count = in.count<std::uint32_t>("number of variables", kMinVariableBytes);
  for (std::size_t i = 0; i < count; ++i) {
    std::string variable = read_string(in, "name of a variable");
    if (!model.variables.emplace(variable, read_variable(in, variable)).second)
      in.fail("variable " + variable + " stands twice");
  }
  const auto aliases = in.count<std::uint32_t>("number of aliases", kMinAliasBytes);
  for (std::size_t i = 0; i < aliases; ++i) {
    std::string alias = read_string(in, "name of an alias");
    std::string target = read_string(in, "target of an alias");
    if (!model.variables.contains(target)) in.fail("alias " + alias + ": there is no variable " + target);
    if (model.variables.contains(alias) || !model.aliases.emplace(alias, target).second)
      in.fail("alias " + alias + " stands twice");
  }
  if (in.remaining() != 0)
    in.fail("expected the end of the file, received " + std::to_string(in.remaining()) + " more bytes");
  return model;
}

}  // namespace vedette::models::weights
