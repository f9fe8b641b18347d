// What a reader does: the point z and all that follows it.

const content = JSON.parse(document.getElementById("content").textContent);
const part = name => document.getElementById(name);
const [HEIGHT, WIDTH, CHANNELS] = content.image_shape;
const ON_THE_WAY = 9; // images of an interpolation, both ends included
const FRAME = 12; // milliseconds of a frame for what can wait: the way, and the images behind

const decoder = makeDecoder(content);
const packed = unpack(content.codes);
const codes = Array.from({length: content.codes.shape[0]}, (_, index) =>
    packed.subarray(index * content.latents, (index + 1) * content.latents));
const plane = new Plane(part("plane"), content, codes);

const state = {
    z: new Float64Array(content.latents), // the point
    second: null, // the point that the way leads to
    label: 0, // of a conditional model: the class that is decoded
    chosen: null, // the test image whose latents were taken
    shown: null, // the class whose points are shown; null for all
    codes: true, // whether points are shown
    tiles: false, // whether decoded images are
};

// Return the image's pixels, (H · W · C), as Python's model.decode gives them for one z.
function decode(z, label = state.label) {
    return decoder(z, label);
}

// Pictures

const scratch = Object.assign(document.createElement("canvas"), {width: WIDTH, height: HEIGHT});
const scratchContext = scratch.getContext("2d");
const scratchData = scratchContext.createImageData(WIDTH, HEIGHT);

// Put decoded pixels on a canvas, an image's size each, with its corner at (x, y).
function paint(canvas, pixels, x = 0, y = 0) {
    const bytes = scratchData.data; // rounds, and cuts off below 0 and above 255
    for (let n = 0; n < HEIGHT * WIDTH; n++) {
        for (let c = 0; c < 3; c++)
            bytes[4 * n + c] = 255 * pixels[n * CHANNELS + (CHANNELS === 3 ? c : 0)];
        bytes[4 * n + 3] = 255;
    }
    scratchContext.putImageData(scratchData, 0, 0);
    canvas.getContext("2d").drawImage(scratch, x, y);
}

function size(canvas, columns = 1) {
    Object.assign(canvas, {width: columns * WIDTH, height: HEIGHT});
}

const sheet = new Image(); // the test images, row by row

function paintOriginal(index) {
    const column = index % content.columns, row = Math.floor(index / content.columns);
    part("original").getContext("2d").drawImage(
        sheet, column * WIDTH, row * HEIGHT, WIDTH, HEIGHT, 0, 0, WIDTH, HEIGHT);
}

// What follows a change

let requested = false, stale = true, milliseconds = null, decoded = 0, tilesKey = "";
const way = {next: 0, left: 0}, tiles = {next: 0, left: 0}; // the next image, and how many to do

function changed() {
    stale = true;
    way.left = state.second ? ON_THE_WAY : 0;
    if (state.tiles && tilesKey !== keyOfTiles()) {
        tilesKey = keyOfTiles();
        Object.assign(tiles, {next: 0, left: TILES * TILES});
    }
    request();
}

// Return what the images behind depend on: all but the plane's own latents.
function keyOfTiles() {
    const others = state.z.map((value, n) => plane.axes.includes(n) ? 0 : value);
    return [plane.axes, state.label, others].join(";");
}

function request() {
    if (!requested) requestAnimationFrame(frame);
    requested = true;
}

function frame() {
    requested = false;
    const start = performance.now();
    if (stale) showDecoded();
    while (way.left + (state.tiles ? tiles.left : 0) && performance.now() - start < FRAME)
        if (way.left) oneOnTheWay(); else oneTile();
    plane.draw(state);
    if (way.left || (state.tiles && tiles.left)) request();
}

function showDecoded() {
    stale = false;
    const start = performance.now(), pixels = decode(state.z), taken = performance.now() - start;
    if (decoded > 4) // before, the browser is still translating the program
        milliseconds = milliseconds === null ? taken : 0.8 * milliseconds + 0.2 * taken;
    decoded += 1;
    paint(part("decoded"), pixels);
    showNumbers();
}

// While the point moves, the images of the way are renewed in turn.
function oneOnTheWay() {
    const share = way.next / (ON_THE_WAY - 1);
    const z = state.z.map((value, n) => (1 - share) * value + share * state.second[n]);
    paint(part("way"), decode(z), way.next * WIDTH);
    way.next = (way.next + 1) % ON_THE_WAY;
    way.left -= 1;
}

function oneTile() {
    const column = tiles.next % TILES, row = Math.floor(tiles.next / TILES);
    const pixels = decode(plane.tileLatents(tiles.next, state.z));
    paint(plane.tiles, pixels, column * WIDTH, row * HEIGHT);
    tiles.next += 1;
    tiles.left -= 1;
}

const sliders = []; // [latent, its slider, its value as text]
const asText = value => shortNumber(value, 0.01);
let telling = 0;

function showNumbers() {
    for (const [latent, slider, output] of sliders) {
        slider.value = state.z[latent];
        output.value = asText(state.z[latent]);
    }
    const at = nearest(codes.keys(), index => distance(codes[index], state.z));
    const likest = at === null || !content.labels ? "" :
        `nearest test image: class ${content.labels[at]}`;
    const named = plane.axes.filter(axis => axis !== null)
        .map(axis => `${latentName(axis)} = ${asText(state.z[axis])}`).join(", ");
    part("where").textContent = named;
    part("likest").textContent = likest;
    part("decoded").setAttribute("aria-label", `Image decoded at ${named}`);
    const taken = milliseconds === null ? "" : ` in ${milliseconds.toFixed(1)} ms`;
    part("measured").textContent =
        `Each image is computed here${taken}, by the layers and the trained weights in this file.`;
    clearTimeout(telling); // a screen reader is told where the point came to rest
    telling = setTimeout(() => { part("said").textContent = `${named}; ${likest}`; }, 600);
}

function distance(first, second) {
    return first.reduce((sum, value, n) => sum + (value - second[n]) ** 2, 0);
}

// What is done

function moveTo(z) {
    state.z = Float64Array.from(z);
    choose(null);
}

// Return z with the plane's two latents changed.
function inPlane(values) {
    const z = Float64Array.from(state.z);
    plane.axes.forEach((axis, n) => { if (axis !== null) z[axis] = values[n]; });
    return z;
}

// Take the latents of a test image, and show it; null for none.
function choose(index) {
    state.chosen = index;
    const [original, rebuilt] = [part("original"), part("rebuilt")];
    for (const canvas of [original, rebuilt]) size(canvas); // which empties it
    if (index !== null) {
        state.z = Float64Array.from(codes[index]);
        if (content.classes) part("class").value = state.label = content.labels[index];
        paintOriginal(index);
        paint(rebuilt, decode(state.z));
    }
    const of = index === null || !content.labels ? "" : `, class ${content.labels[index]}`;
    const captions = index === null ? ["click on a point for its test image …", "… and its reconstruction"]
        : [`test image${of}`, "its reconstruction"];
    part("original-caption").textContent = captions[0];
    part("rebuilt-caption").textContent = captions[1];
    original.setAttribute("aria-label", index === null ? "No test image chosen" : captions[0]);
    rebuilt.setAttribute("aria-label", index === null ? "No reconstruction" : captions[1]);
    changed();
}

function setSecond(z) {
    state.second = z === null ? null : Float64Array.from(z);
    size(part("way"), ON_THE_WAY);
    way.next = 0;
    part("remove-second").disabled = z === null;
    part("way-caption").textContent = z === null
        ? "Set a second point, then move on: the way between the two is decoded here."
        : "from the point (left) straight to the second point (right)";
    part("way").setAttribute("aria-label", part("way-caption").textContent);
    changed();
}

function setAxes(across, up) {
    plane.setAxes(across, up);
    part("across").value = across;
    part("up").value = up;
    const named = up === null ? latentName(across) : `${latentName(across)} and ${latentName(up)}`;
    part("plane").setAttribute("aria-label", `Plane of ${named}`);
    changed();
}
