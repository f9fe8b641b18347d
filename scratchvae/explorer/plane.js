// The plane of two latents: where a value is on the canvas, and what is drawn there.

const MARGIN = {left: 34, right: 10, top: 10, bottom: 26};
const TILES = 16; // decoded images behind, in a row

// The canvas of the plane. `content` is what Python wrote, `codes` the latents of the test images.
class Plane {
    constructor(canvas, content, codes) {
        Object.assign(this, {canvas, content, codes, context: canvas.getContext("2d")});
        const [H, W] = content.image_shape;
        this.tiles = Object.assign(document.createElement("canvas"), {
            width: TILES * W, height: TILES * H,
        });
        this.setAxes(content.widest_first[0], content.widest_first[1] ?? null);
    }

    // Show these two latents; of a model with one latent the second is null, and up means nothing.
    setAxes(across, up) {
        this.axes = [across, up];
        const {lowest, highest} = this.content;
        const shown = this.axes.filter(axis => axis !== null);
        // Both axes have one scale, so that a circle is one.
        const half = Math.max(...shown.map(axis => (highest[axis] - lowest[axis]) / 2));
        const middle = this.axes.map(axis =>
            axis === null ? 0 : (highest[axis] + lowest[axis]) / 2);
        this.low = middle.map(value => value - half);
        this.high = middle.map(value => value + half);
    }

    // Fit the canvas's dots to the screen's.
    resize() {
        this.side = this.canvas.clientWidth;
        this.dots = window.devicePixelRatio || 1;
        this.canvas.width = this.canvas.height = Math.round(this.side * this.dots);
    }

    get inner() {
        const {left, right, top, bottom} = MARGIN;
        return {left, top, width: this.side - left - right, height: this.side - top - bottom};
    }

    // Return where two values of the plane's latents are, in pixels of the canvas.
    place([first, second]) {
        const {left, top, width, height} = this.inner, {low, high} = this;
        return [
            left + (first - low[0]) / (high[0] - low[0]) * width,
            top + (high[1] - second) / (high[1] - low[1]) * height,
        ];
    }

    // Return the two values at a place of the canvas, within the plane.
    values(x, y) {
        const {left, top, width, height} = this.inner, {low, high} = this;
        const across = Math.min(Math.max((x - left) / width, 0), 1);
        const down = Math.min(Math.max((y - top) / height, 0), 1);
        return [low[0] + across * (high[0] - low[0]), high[1] - down * (high[1] - low[1])];
    }

    // Return the place of a vector of latents.
    placeOf(z) {
        return this.place(this.axes.map(axis => axis === null ? 0 : z[axis]));
    }

    // Return the place of a test image's latents; without a second axis they are spread out.
    placeOfCode(index) {
        const spread = ((index * 0.618) % 1 - 0.5) * (this.high[1] - this.low[1]) * 0.8;
        return this.place(this.axes.map(axis => axis === null ? spread : this.codes[index][axis]));
    }

    // Return the latents of the middle of a tile, with the others as in z.
    tileLatents(number, z) {
        const tile = Float64Array.from(z);
        const shares = [(number % TILES + 0.5) / TILES,
            1 - (Math.floor(number / TILES) + 0.5) / TILES];
        this.axes.forEach((axis, n) => {
            if (axis !== null) tile[axis] = this.low[n] + shares[n] * (this.high[n] - this.low[n]);
        });
        return tile;
    }

    // Draw all: `state` says which points and what else is there.
    draw(state) {
        const {context, side, inner} = this;
        if (inner.width <= 0) return; // a page that is not laid out yet
        context.setTransform(this.dots, 0, 0, this.dots, 0, 0);
        context.clearRect(0, 0, side, side);
        this.colours = getComputedStyle(document.documentElement);
        if (state.tiles)
            context.drawImage(this.tiles, inner.left, inner.top, inner.width, inner.height);
        this.drawAxes(state.tiles);
        context.save();
        context.beginPath();
        context.rect(inner.left, inner.top, inner.width, inner.height);
        context.clip();
        if (state.codes) this.drawCodes(state);
        context.restore();
        if (state.second) this.drawWay(state);
        this.drawMark(this.placeOf(state.z), 9);
    }

    colour(name) {
        return this.colours.getPropertyValue(name);
    }

    drawAxes(overTiles) {
        const {context, low, high, axes} = this, step = tickStep(high[0] - low[0]);
        context.lineWidth = 1;
        context.font = "12px system-ui, sans-serif";
        context.fillStyle = this.colour("--muted");
        context.strokeStyle = this.colour("--line");
        for (const n of axes[1] === null ? [0] : [0, 1])
            for (let t = Math.ceil(low[n] / step) * step; t <= high[n]; t += step)
                this.drawTick(n, t, shortNumber(t, step), overTiles);
        context.fillStyle = this.colour("--ink");
        context.font = "600 13px system-ui, sans-serif";
        context.textAlign = "right";
        context.textBaseline = "bottom";
        context.fillText(latentName(axes[0]), this.side - 6, this.side - 5);
        context.textAlign = "left";
        context.textBaseline = "top";
        if (axes[1] !== null) context.fillText(latentName(axes[1]), 6, 6);
        if (this.content.has_prior && axes[1] !== null && !overTiles) this.drawPrior();
    }

    // A line across the plane, on the first or second axis, and its value where there is room.
    drawTick(n, value, text, overTiles) {
        const {context, inner, low} = this;
        const [x, y] = this.place(n ? [low[0], value] : [value, low[1]]);
        if (!overTiles) {
            context.beginPath();
            context.moveTo(x, y);
            if (n) context.lineTo(inner.left + inner.width, y);
            else context.lineTo(x, inner.top);
            context.stroke();
        }
        // At the ends are the axes' names.
        if (n ? y < inner.top + 20 : x > inner.left + inner.width - 24) return;
        context.textAlign = n ? "right" : "center";
        context.textBaseline = n ? "middle" : "top";
        context.fillText(text, n ? x - 6 : x, n ? y : y + 6);
    }

    // Circles of one, two and three standard deviations of the prior, N(0, I).
    drawPrior() {
        const {context} = this, [x, y] = this.place([0, 0]), unit = this.place([1, 0])[0] - x;
        context.strokeStyle = this.colour("--muted");
        context.globalAlpha = 0.45;
        for (const deviations of [1, 2, 3]) {
            context.beginPath();
            context.arc(x, y, deviations * unit, 0, 2 * Math.PI);
            context.stroke();
        }
        context.globalAlpha = 1;
    }

    drawCodes({shown, chosen, tiles}) {
        const {context} = this, {labels, colours} = this.content;
        const radius = this.side < 450 ? 2.6 : 3.4;
        this.codes.forEach((_, index) => {
            const label = labels ? labels[index] : 0, [x, y] = this.placeOfCode(index);
            const faint = shown !== null && label !== shown;
            context.globalAlpha = faint ? 0.07 : 0.85;
            context.beginPath();
            context.arc(x, y, radius, 0, 2 * Math.PI);
            context.fillStyle = labels ? colours[label % colours.length] : this.colour("--accent");
            context.fill();
            if (!tiles || faint) return;
            context.lineWidth = 0.8; // which sets a point off against a bright or a dark image
            context.strokeStyle = "#000000";
            context.stroke();
        });
        context.globalAlpha = 1;
        if (chosen !== null) this.ring(this.placeOfCode(chosen), radius + 2.5, 1.6);
    }

    drawWay({z, second}) {
        const {context} = this, from = this.placeOf(z), to = this.placeOf(second);
        for (const [width, colour] of [[4, "--mark-edge"], [1.8, "--mark"]]) {
            context.beginPath();
            context.moveTo(...from);
            context.lineTo(...to);
            context.lineWidth = width;
            context.strokeStyle = this.colour(colour);
            context.stroke();
        }
        context.beginPath();
        context.arc(...to, 5.5, 0, 2 * Math.PI);
        context.fillStyle = this.colour("--mark");
        context.fill();
        this.ring(to, 6.5, 1.5, "--mark-edge");
    }

    // A ring with a point in its middle, in two colours, to be seen on everything.
    drawMark(place, radius) {
        this.ring(place, radius, 5, "--mark-edge");
        this.ring(place, radius, 2.2);
        this.ring(place, 1, 2);
    }

    ring([x, y], radius, width, colour = "--mark") {
        this.context.beginPath();
        this.context.arc(x, y, radius, 0, 2 * Math.PI);
        this.context.lineWidth = width;
        this.context.strokeStyle = this.colour(colour);
        this.context.stroke();
    }

    // Return the point that is shown nearest to a place and at most so many pixels away, or null.
    codeAt(x, y, most, shown) {
        const {labels} = this.content;
        const seen = index => shown === null || labels[index] === shown;
        const distance = index => {
            const [u, v] = this.placeOfCode(index);
            return Math.hypot(u - x, v - y);
        };
        return nearest(this.codes.keys(), index => seen(index) ? distance(index) : Infinity, most);
    }
}

// Return the one of least distance, if that is not above `most`, else null.
function nearest(candidates, distance, most = Number.MAX_VALUE) {
    let best = null, least = most;
    for (const each of candidates) {
        const found = distance(each);
        if (found <= least) [best, least] = [each, found];
    }
    return best;
}

// Return a round number of which a range has some seven.
function tickStep(range) {
    const rough = range / 7, power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].find(factor => factor * power >= rough) * power;
}

// Return a number in the decimals that a step needs, with a proper minus.
function shortNumber(value, step) {
    const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return (value + 0).toFixed(decimals).replace(/^-(0\.?0*)$/, "$1").replace("-", "−");
}

// Return z₁ for the first latent.
function latentName(axis) {
    return "z" + String(axis + 1).replace(/\d/g, digit => "₀₁₂₃₄₅₆₇₈₉"[digit]);
}
