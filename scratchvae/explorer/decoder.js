"use strict";
// The decoder: the layers that scratchvae wrote, for one image at a time.
//
// A function has the name of its layer in Python, takes x and what the layer has learned, and
// returns y. Numbers lie as they do there: row by row, column by column, the channels of a pixel
// side by side. The model's weights are 32-bit floats; everything is added up in 64 bits.

const sigmoid = x => 1 / (1 + Math.exp(-x));
const softplus = x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const LAYERS = {
    // y = x W + b
    Dense(x, {weight, bias}) {
        const y = Float64Array.from(bias), outputs = y.length;
        for (let i = 0; i < x.length; i++) {
            const value = x[i], w = i * outputs;
            for (let o = 0; o < outputs; o++) y[o] += value * weight[w + o];
        }
        return y;
    },

    // y[i, j, o] = bias[o] + Σ x[s i + r − p, s j + t − p, c] · w[r, t, c, o] over r, t and c
    Conv2D(x, {weight, bias, kernel_size: k, stride: s, padding: [top, left], shape_in, shape_out}) {
        const [H, W, C] = shape_in, [rows, columns, O] = shape_out;
        const y = filled(bias, rows * columns);
        for (let i = 0; i < rows; i++)
            for (let j = 0; j < columns; j++)
                for (let r = 0; r < k; r++)
                    for (let t = 0; t < k; t++) {
                        const u = s * i + r - top, v = s * j + t - left;
                        if (u < 0 || u >= H || v < 0 || v >= W) continue;
                        const from = (u * W + v) * C, to = (i * columns + j) * O;
                        for (let c = 0; c < C; c++) {
                            const value = x[from + c], w = ((r * k + t) * C + c) * O;
                            for (let o = 0; o < O; o++) y[to + o] += value * weight[w + o];
                        }
                    }
        return y;
    },

    // y[s i + r − p, s j + t − p, o] has a term x[i, j, c] · w[r, t, o, c] for all i, j, r, t and c
    ConvTranspose2D(x, {weight, bias, kernel_size: k, stride: s, padding, shape_in, shape_out}) {
        const [H, W, C] = shape_in, [rows, columns, O] = shape_out, [top, left] = padding;
        const y = filled(bias, rows * columns);
        for (let i = 0; i < H; i++)
            for (let j = 0; j < W; j++)
                for (let r = 0; r < k; r++)
                    for (let t = 0; t < k; t++) {
                        const u = s * i + r - top, v = s * j + t - left;
                        if (u < 0 || u >= rows || v < 0 || v >= columns) continue;
                        const from = (i * W + j) * C, to = (u * columns + v) * O;
                        for (let o = 0; o < O; o++) {
                            const w = ((r * k + t) * O + o) * C;
                            let sum = 0;
                            for (let c = 0; c < C; c++) sum += x[from + c] * weight[w + c];
                            y[to + o] += sum;
                        }
                    }
        return y;
    },

    // y = x · scale + shift, channel by channel: the running statistics are in both
    BatchNorm: (x, {scale, shift}) =>
        x.map((value, n) => value * scale[n % scale.length] + shift[n % shift.length]),

    // y = (x − μ) / √(σ² + ε) · scale + shift, with μ and σ² over all of x
    LayerNorm(x, {scale, shift, epsilon}) {
        const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
        const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
        return x.map((value, n) =>
            (value - mean) / Math.sqrt(variance + epsilon) * scale[n] + shift[n]);
    },

    ReLU: x => x.map(value => Math.max(value, 0)),
    ELU: (x, {alpha}) => x.map(value => value > 0 ? value : alpha * Math.expm1(value)),
    Tanh: x => x.map(Math.tanh),
    Sigmoid: x => x.map(sigmoid),
    Softplus: x => x.map(softplus),
};

// The mean image of p(x | z), from what the decoder gave; C is the number of channels.
const MEANS = {
    bernoulli: decoded => decoded.map(sigmoid),
    gaussian: decoded => decoded,
    "learned-variance": (decoded, C) => halves(decoded, C)[0],
    "discretised-logistic"(decoded, C, {minimum_log_scale: least}) {
        const [means, raw] = halves(decoded, C);
        return means.map((mean, n) => {
            const scale = Math.exp(least === null ? raw[n] : least + softplus(raw[n] - least));
            const below = scale * (softplus((1 - mean) / scale) - softplus(-mean / scale));
            return Math.min(Math.max(1 - below, 0), 1);
        });
    },
};

// Return the array of one bias for each pixel.
function filled(bias, pixels) {
    const y = new Float64Array(pixels * bias.length);
    for (let n = 0; n < y.length; n++) y[n] = bias[n % bias.length];
    return y;
}

// Return the first C channels of all pixels, and the last C.
function halves(decoded, C) {
    const half = first => decoded.filter((_, n) => (n % (2 * C) < C) === first);
    return [half(true), half(false)];
}

// Return the numbers of an array that was packed as text: 32-bit floats, or whole numbers of so many
// bytes, the lowest first, each with the scale of its column.
function unpack({numbers, width, scale}) {
    const content = atob(numbers), bytes = new Uint8Array(content.length);
    for (let n = 0; n < bytes.length; n++) bytes[n] = content.charCodeAt(n);
    if (!scale) return new Float32Array(bytes.buffer);
    const steps = unpack(scale), array = new Float32Array(bytes.length / width);
    for (let n = 0; n < array.length; n++) {
        let whole = 0; // its bytes end up as the upper ones of 32 bits, so that the sign is right
        for (let b = 0; b < width; b++) whole |= bytes[n * width + b] << (8 * (4 - width + b));
        array[n] = (whole >> (32 - 8 * width)) * steps[n % steps.length];
    }
    return array;
}

// Return the function from z, and the class of a conditional model, to an image's pixels.
function makeDecoder({layers, likelihood, image_shape, classes}) {
    const ready = layers.map(({name, ...layer}) => {
        for (const [key, value] of Object.entries(layer))
            if (value && value.numbers !== undefined) layer[key] = unpack(value);
        return x => LAYERS[name](x, layer);
    });
    return (z, label = 0) => {
        const ofClass = Array.from({length: classes}, (_, k) => Number(k === label));
        const decoded = ready.reduce((x, layer) => layer(x), Float64Array.of(...z, ...ofClass));
        return MEANS[likelihood.name](decoded, image_shape[2], likelihood);
    };
}
