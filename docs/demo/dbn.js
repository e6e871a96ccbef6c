// A deep belief network with labels, as mathematics: images up, dreams down.
//
// The same as dbnlab.stack: recognition weights R and biases r lead up, generative weights G and
// biases a lead down, and the top two layers with the label block are an RBM. Matrices have one row
// for each unit below. tests/test_demo.py compares every function with dbnlab.

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => (x > 30 ? x : Math.log(1 + Math.exp(x)));

// Uniform numbers in [0, 1) by the xorshift generator of Marsaglia (2003), of period 2^128 - 1.
export function generator(seed) {
  let [x, y, z, w] = [123456789, 362436069, 521288629, seed >>> 0];
  const next = () => {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return (w >>> 0) / 2 ** 32;
  };
  // Seeds that are close to each other begin with numbers that are close to each other.
  for (let n = 0; n < 20; n++) next();
  return next;
}

// Weights from whole numbers in [-127, 127], and the scale of each column.
export function matrix({ shape: [rows, columns], values, scales }) {
  const weights = new Float32Array(rows * columns);
  for (let i = 0; i < weights.length; i++) weights[i] = values[i] * scales[i % columns];
  return { rows, columns, weights };
}

function transposed({ rows, columns, weights }) {
  const turned = new Float32Array(weights.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[j * rows + i] = weights[i * columns + j];
  return { rows: columns, columns: rows, weights: turned };
}

// bias + xW. Most units are off, and what is off costs nothing.
function field(x, { columns, weights }, bias) {
  const sums = new Float32Array(bias);
  for (let i = 0; i < x.length; i++) {
    const [value, start] = [x[i], i * columns];
    if (value === 0) continue;
    for (let j = 0; j < columns; j++) sums[j] += value * weights[start + j];
  }
  return sums;
}

// Wy, without a bias.
function back(y, { rows, columns, weights }) {
  const sums = new Float32Array(rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) sums[i] += weights[i * columns + j] * y[j];
  return sums;
}

function joined(first, second) {
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

export const draw = (means, random) => means.map((p) => (random() < p ? 1 : 0));

function drawOne(probabilities, random) {
  let left = random();
  const chosen = probabilities.findIndex((p) => (left -= p) < 0);
  return oneHot(chosen < 0 ? probabilities.length - 1 : chosen, probabilities.length);
}

export const oneHot = (k, n) => Float32Array.from({ length: n }, (_, i) => (i === k ? 1 : 0));

function logSoftmax(scores) {
  const largest = Math.max(...scores);
  const sum = scores.reduce((total, s) => total + Math.exp(s - largest), 0);
  return scores.map((s) => s - largest - Math.log(sum));
}

export class DBN {
  // recognition, generative: [{weights, bias}, …] from the bottom, without the top RBM.
  constructor({ recognition, generative, top, nLabels }) {
    const ready = ({ weights, bias }) => ({ weights: matrix(weights), bias });
    this.recognition = recognition.map(ready);
    this.generative = generative
      .map(ready)
      .map(({ weights, bias }) => ({ weights: transposed(weights), bias }));
    this.top = { ...top, weights: matrix(top.weights) };
    this.topDown = transposed(this.top.weights);
    this.nLabels = nLabels;
    this.nBelow = this.top.weights.rows - nLabels;
  }

  // Means of the layers above the pixels and below the top; with a generator, states all the way.
  up(pixels, random) {
    const layers = [];
    let below = pixels;
    for (const { weights, bias } of this.recognition) {
      below = field(below, weights, bias).map(sigmoid);
      if (random) below = draw(below, random);
      layers.push(below);
    }
    return layers;
  }

  // Means of the layers from below h2 down to the pixels; with a generator, states but the pixels.
  down(h2, random) {
    const layers = [];
    let layer = h2;
    for (let l = this.generative.length - 1; l >= 0; l--) {
      const { weights, bias } = this.generative[l];
      layer = field(layer, weights, bias).map(sigmoid);
      if (random && l > 0) layer = draw(layer, random);
      layers.push(layer);
    }
    return layers;
  }

  topField(h2, label) {
    const { weights, hiddenBias } = this.top;
    return field(joined(h2, label), weights, hiddenBias);
  }

  // Mean of the top layer. A temperature T divides the energy, and with it every field.
  topMean(h2, label, temperature = 1) {
    return this.topField(h2, label).map((x) => sigmoid(x / temperature));
  }

  // Means of the visible layer of the top RBM: of h2, and of the label block, a softmax.
  topVisible(h3, temperature = 1) {
    const fields = field(h3, this.topDown, this.top.visibleBias).map((x) => x / temperature);
    const label = logSoftmax([...fields.subarray(this.nBelow)]).map(Math.exp);
    return { h2: fields.subarray(0, this.nBelow).map(sigmoid), label };
  }

  // Mean of the top layer given h2, without labels, and what comes of it on the way down.
  reconstruct(h2) {
    const h3 = this.topMean(h2, new Float32Array(this.nLabels));
    return { h3, pixels: this.down(this.topVisible(h3).h2).at(-1) };
  }

  // log p(label | h2): minus the free energy of the top RBM with each label, normalised.
  labelLogProbabilities(h2) {
    const { weights, visibleBias, hiddenBias } = this.top;
    const common = field(h2, weights, hiddenBias);
    const scores = Array.from({ length: this.nLabels }, (_, k) => {
      const start = (this.nBelow + k) * common.length;
      let score = visibleBias[this.nBelow + k];
      for (let j = 0; j < common.length; j++) score += softplus(common[j] + weights.weights[start + j]);
      return score;
    });
    return logSoftmax(scores);
  }

  // F(h2, label) of the top RBM, in nats.
  freeEnergy(h2, label) {
    const visible = joined(h2, label);
    const linear = visible.reduce((sum, v, i) => sum + v * this.top.visibleBias[i], 0);
    return -this.topField(h2, label).reduce((sum, x) => sum + softplus(x), linear);
  }

  // Each unit of h2 and the label drawn from its bias alone: where a chain from noise begins.
  noise(random) {
    const { h2, label } = this.topVisible(new Float32Array(this.topDown.rows));
    return { h2: draw(h2, random), label: drawOne(label, random) };
  }

  // One Gibbs step of the top RBM: h3 given (h2, label), then both given h3. A clamped label stays.
  step({ h2, label }, random, { clamped = null, temperature = 1 } = {}) {
    const held = clamped === null ? label : oneHot(clamped, this.nLabels);
    const h3 = draw(this.topMean(h2, held, temperature), random);
    const means = this.topVisible(h3, temperature);
    return {
      h2: draw(means.h2, random),
      label: clamped === null ? drawOne(means.label, random) : held,
      h3,
    };
  }

  // One round of completion: up from the pixels, a Gibbs step, down; then what is known is put back.
  complete({ pixels, label }, known, random, options) {
    const state = this.step({ h2: this.up(pixels, random).at(-1), label }, random, options);
    const [h1, painted] = this.down(state.h2, random);
    return { ...state, h1, pixels: painted.map((p, i) => (known[i] === null ? p : known[i])) };
  }

  // What a unit adds up, as an image: its weights times those of the layers below. Layers from 0.
  receptiveField(layer, unit) {
    const n = this.recognition.length;
    let y = oneHot(unit, layer === n ? this.topDown.rows : this.recognition[layer].weights.columns);
    if (layer === n) y = back(y, this.top.weights).subarray(0, this.nBelow);
    for (let l = Math.min(layer, n - 1); l >= 0; l--) y = back(y, this.recognition[l].weights);
    return y;
  }
}
