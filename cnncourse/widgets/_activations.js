// Ten activation functions and their first derivatives, with torch's conventions at the kinks. Checked against torch.

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** The error function to about 1e-15: a series near zero, a continued fraction far out. */
export function erf(x) {
  const t = Math.abs(x);
  if (t > 6) return Math.sign(x);
  if (t < 2.5) {
    let [term, sum] = [t, t];
    for (let n = 1; n < 80 && term > 1e-18 * sum; n++) {
      term *= (2 * t * t) / (2 * n + 1);
      sum += term;
    }
    return (Math.sign(x) * 2 * Math.exp(-t * t) * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = (k / 2) / (t + fraction);
  return Math.sign(x) * (1 - Math.exp(-t * t) / ((t + fraction) * Math.sqrt(Math.PI)));
}

/** 1 / (1 + exp(-x)) without overflow. */
export function logistic(x) {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

const below = (x) => 0.5 * (1 + erf(x / Math.SQRT2)); // share of a standard normal that lies below x
const bell = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const leak = (x, a) => (x > 0 ? x : a * x);

/** name: {title, formula, value(x, a), slope(x, a)}; a is the learned slope of PReLU, unused elsewhere. */
export const ACTIVATIONS = {
  sigmoid: {
    title: "sigmoid", formula: "1 / (1 + e\u207b\u02e3)", value: (x) => logistic(x),
    slope: (x) => logistic(x) * logistic(-x),
  },
  tanh: { title: "tanh", formula: "(e\u02e3 \u2212 e\u207b\u02e3) / (e\u02e3 + e\u207b\u02e3)", value: (x) => Math.tanh(x), slope: (x) => 4 * logistic(2 * x) * logistic(-2 * x) },
  relu: { title: "ReLU", formula: "max(0, x)", value: (x) => Math.max(0, x), slope: (x) => (x > 0 ? 1 : 0) },
  leaky_relu: { title: "leaky ReLU", formula: "x, or 0.01 x below 0", value: (x) => leak(x, 0.01), slope: (x) => (x > 0 ? 1 : 0.01) },
  prelu: { title: "PReLU", formula: "x, or a x below 0; a is learned", value: (x, a) => leak(x, a), slope: (x, a) => (x > 0 ? 1 : a) },
  softplus: {
    title: "softplus", formula: "ln(1 + e\u02e3)", value: (x) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x))),
    slope: (x) => logistic(x),
  },
  elu: { title: "ELU", formula: "x, or e\u02e3 \u2212 1 below 0", value: (x) => (x > 0 ? x : Math.expm1(x)), slope: (x) => (x > 0 ? 1 : Math.exp(x)) },
  selu: {
    title: "SELU", formula: "1.0507 x, or 1.7581 (e\u02e3 \u2212 1) below 0",
    value: (x) => SELU_SCALE * (x > 0 ? x : SELU_ALPHA * Math.expm1(x)),
    slope: (x) => SELU_SCALE * (x > 0 ? 1 : SELU_ALPHA * Math.exp(x)),
  },
  gelu: { title: "GELU", formula: "x \u03a6(x), \u03a6 the normal distribution", value: (x) => x * below(x), slope: (x) => below(x) + x * bell(x) },
  silu: {
    title: "SiLU (Swish)", formula: "x \u00b7 sigmoid(x)", value: (x) => x * logistic(x),
    slope: (x) => logistic(x) * (1 + x * logistic(-x)),
  },
};

/** What n layers in a row, each with this slope, make of a gradient of 1. */
export function afterLayers(slope, n) {
  return slope ** n;
}
