// Canvas of MaskPainter: sampled points in orange over a k-space picture. Drag, or arrow keys and space, paint.
export default {
  render({ model, el }) {
    const [ny, nx] = model.get("size"), picture = model.get("picture");
    const canvas = Object.assign(document.createElement("canvas"), { width: nx, height: ny, tabIndex: 0 });
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "k-space mask: arrow keys move, space paints");
    const url = picture.byteLength ? `url(${URL.createObjectURL(new Blob([picture], { type: "image/png" }))})` : "";
    canvas.style.cssText = `width:${model.get("width_px")}px; margin:2px; background:black ${url} 0 / 100% 100%;
      image-rendering:pixelated; touch-action:none; cursor:crosshair`;
    el.append(canvas);
    const context = canvas.getContext("2d");
    let mask, timer = null, at = [ny >> 1, nx >> 1], before = null;

    const draw = () => {
      const layer = context.createImageData(nx, ny), colours = new Uint32Array(layer.data.buffer);
      mask.forEach((sampled, i) => { if (sampled) colours[i] = 0xb0008cff; });
      context.putImageData(layer, 0, 0);
      if (document.activeElement !== canvas) return;
      const brush = model.get("brush"), corner = (c) => c - (brush >> 1) - 0.5;
      context.strokeStyle = "#56B4E9";
      context.strokeRect(corner(at[1]), corner(at[0]), brush + 1, brush + 1);
    };
    const receive = () => { mask = new Uint8Array(model.get("data").buffer, model.get("data").byteOffset, ny * nx).slice(); draw(); };
    const send = () => { timer = null; model.set("data", new DataView(mask.slice().buffer)); model.save_changes(); };
    const dab = (y, x) => {
      const brush = model.get("brush"), value = model.get("erase") ? 0 : 1, top = y - (brush >> 1), left = x - (brush >> 1);
      const [start, stop] = model.get("lines") ? [0, nx] : [Math.max(0, left), Math.min(nx, left + brush)];
      for (let row = Math.max(0, top); row < Math.min(ny, top + brush); row++) mask.fill(value, row * nx + start, row * nx + stop);
    };
    const stroke = (to) => {
      const from = before ?? to, n = Math.max(1, ...[0, 1].map((k) => Math.abs(to[k] - from[k])));
      for (let i = 0; i <= n; i++) dab(...[0, 1].map((k) => Math.round(from[k] + (to[k] - from[k]) * i / n)));
      at = before = to; draw(); timer ??= setTimeout(send, 80);  // a stroke is sent piece by piece, not point by point
    };
    const drag = (event) => {
      const box = canvas.getBoundingClientRect();
      stroke([(event.clientY - box.top) / box.height * ny, (event.clientX - box.left) / box.width * nx].map(Math.floor));
    };
    const press = (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], " ": [0, 0] }[event.key];
      if (!move) return;
      event.preventDefault(); event.stopPropagation(); before = null;
      at = [0, 1].map((k) => Math.min([ny, nx][k] - 1, Math.max(0, at[k] + model.get("brush") * move[k])));
      if (event.key === " ") stroke(at); else draw();
    };
    const on = (name, action) => canvas.addEventListener(name, action);
    on("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); before = null; drag(event); });
    on("pointermove", (event) => { if (event.buttons) drag(event); });
    on("keydown", press); on("focus", () => draw()); on("blur", () => draw());
    model.on("change:data", receive);
    receive();
  },
};
