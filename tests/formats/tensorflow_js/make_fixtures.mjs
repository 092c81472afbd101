// Writes models as TensorFlow.js saves them, with what it makes of their weights and of some inputs:
// node make_fixtures.mjs FOLDER. Needs the packages of package.json beside it.
//
// The topology, the list of weights and their bytes are TensorFlow.js' own. Files of 1,000 bytes
// each are cut of the bytes, where its converter cuts such of 4 MiB; the quantised ones are made by
// the rule of the converter, and read by TensorFlow.js for the reference.

import fs from "node:fs";
import path from "node:path";

import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import * as layers from "@tensorflow/tfjs-layers";

const SHARD_BYTES = 1000;
const EXAMPLES = 3;

/** Numbers between -1 and 1 that are the same on every machine. */
function drawn(seed) {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.fround((state / 1073741824 - 1) * 0.9);
  };
}

function mlp() {
  return layers.sequential({ layers: [
    layers.layers.dense({ units: 40, inputShape: [12], activation: "tanh" }),
    layers.layers.dropout({ rate: 0.5 }),
    layers.layers.dense({ units: 5, activation: "softmax" }),
  ] });
}

function cnn() {
  const input = layers.input({ shape: [9, 9, 2] });
  let x = layers.layers.conv2d({ filters: 6, kernelSize: 3, activation: "linear", padding: "same" }).apply(input);
  x = layers.layers.batchNormalization().apply(x);
  x = layers.layers.activation({ activation: "relu" }).apply(x);
  x = layers.layers.maxPooling2d({ poolSize: 2 }).apply(x);
  x = layers.layers.conv2d({ filters: 4, kernelSize: 2, strides: 2, activation: "relu" }).apply(x);
  x = layers.layers.flatten().apply(x);
  return layers.model({ inputs: input, outputs: layers.layers.dense({ units: 3 }).apply(x) });
}

function lstm() {
  return layers.sequential({ layers: [
    layers.layers.lstm({
      units: 4, inputShape: [5, 3], recurrentActivation: "sigmoid", recurrentInitializer: "glorotUniform",
    }),
    layers.layers.dense({ units: 2 }),
  ] });
}

/** Weights of the model, drawn; variances are positive. */
function setWeights(model, seed) {
  const next = drawn(seed);
  const isVariance = (weight) => /variance|gamma/.test(weight.name);
  model.setWeights(model.weights.map((weight) => {
    const size = weight.shape.reduce((product, n) => product * n, 1);
    const values = Float32Array.from({ length: size }, () => (isVariance(weight) ? Math.abs(next()) + 0.1 : next()));
    return tf.tensor(values, weight.shape);
  }));
}

async function artifactsOf(model) {
  let saved;
  await model.save(tf.io.withSaveHandler(async (artifacts) => {
    saved = artifacts;
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  }));
  return saved;
}

/** The same artifacts with quantised weights, by the rule of the converter. */
function quantised(artifacts, dtype) {
  const weights = tf.io.decodeWeights(artifacts.weightData, artifacts.weightSpecs);
  const parts = [];
  const specs = artifacts.weightSpecs.map((spec) => {
    const values = weights[spec.name].dataSync();
    if (dtype === "float16") {
      parts.push(Buffer.from(Uint16Array.from(values, half).buffer));
      return { ...spec, quantization: { dtype } };
    }
    const [min, max] = [Math.min(...values), Math.max(...values)];
    const [Kind, levels] = dtype === "uint8" ? [Uint8Array, 255] : [Uint16Array, 65535];
    const scale = (max - min) / levels || 1;
    parts.push(Buffer.from(Kind.from(values, (value) => Math.round((value - min) / scale)).buffer));
    return { ...spec, quantization: { dtype, min, scale, original_dtype: "float32" } };
  });
  const data = Buffer.concat(parts);
  const weightData = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
  return { ...artifacts, weightSpecs: specs, weightData };
}

/** The bits of a number as a half, cut off: all numbers here are normal as halves. */
function half(value) {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  const exponent = ((bits >> 23) & 0xff) - 112;
  return exponent <= 0 ? 0 : ((bits >> 16) & 0x8000) | (exponent << 10) | ((bits >> 13) & 0x3ff);
}

const hex = (tensor) => Buffer.from(Float32Array.from(tensor.dataSync()).buffer).toString("hex");

async function reference(artifacts, inputs) {
  const model = await layers.loadLayersModel(tf.io.fromMemory(artifacts));
  const decoded = tf.io.decodeWeights(artifacts.weightData, artifacts.weightSpecs);
  const tensors = Object.entries(decoded).map(([name, tensor]) => [name, { shape: tensor.shape, f32: hex(tensor) }]);
  return { inputs: hex(inputs), outputs: hex(model.predict(inputs)), tensors: Object.fromEntries(tensors) };
}

function write(folder, artifacts, expected) {
  fs.mkdirSync(folder, { recursive: true });
  const data = Buffer.from(artifacts.weightData);
  const count = Math.ceil(data.length / SHARD_BYTES);
  const paths = Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`);
  paths.forEach((name, i) => fs.writeFileSync(path.join(folder, name), data.subarray(i * SHARD_BYTES, (i + 1) * SHARD_BYTES)));
  const { modelTopology, format, generatedBy, convertedBy, weightSpecs } = artifacts;
  const model = { format, generatedBy, convertedBy, modelTopology, weightsManifest: [{ paths, weights: weightSpecs }] };
  fs.writeFileSync(path.join(folder, "model.json"), JSON.stringify(model));
  fs.writeFileSync(path.join(folder, "reference.txt"), JSON.stringify(expected, null, 1) + "\n");
}

async function main(folder) {
  await tf.setBackend("cpu");
  for (const [name, make, shape] of [["mlp", mlp, [12]], ["cnn", cnn, [9, 9, 2]], ["lstm", lstm, [5, 3]]]) {
    const model = make();
    setWeights(model, 20);
    const next = drawn(21);
    const size = shape.reduce((product, n) => product * n, EXAMPLES);
    const inputs = tf.tensor(Float32Array.from({ length: size }, next), [EXAMPLES, ...shape]);
    const artifacts = await artifactsOf(model);
    write(path.join(folder, name), artifacts, await reference(artifacts, inputs));
    for (const dtype of name === "mlp" ? ["uint8", "uint16", "float16"] : []) {
      const small = quantised(artifacts, dtype);
      write(path.join(folder, `${name}_${dtype}`), small, await reference(small, inputs));
    }
  }
}

await main(process.argv[2]);
