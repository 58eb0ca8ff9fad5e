// Runs in the browser, on what is printed: of each slide, the lines of its texts, in pixels of 1280 × 720.
[...document.querySelectorAll('.marpit > svg')].map((svg) => {
  const slide = svg.getBoundingClientRect();
  const scale = 1280 / slide.width;
  const texts = [];
  const walker = document.createTreeWalker(svg, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.textContent.trim() || parent.closest('style, script')) continue;
    const drawn = parent.closest('.picture svg');
    const zoom = drawn ? (drawn.getBoundingClientRect().width * scale) / drawn.viewBox.baseVal.width : 1;
    const style = getComputedStyle(parent);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      texts.push({
        text: node.textContent.trim(),
        left: (box.left - slide.left) * scale,
        top: (box.top - slide.top) * scale,
        right: (box.right - slide.left) * scale,
        bottom: (box.bottom - slide.top) * scale,
        size: Math.round(Number.parseFloat(style.fontSize) * zoom * 10) / 10,
        isCut: parent.scrollWidth > parent.clientWidth + 1 && style.overflow !== 'visible',
      });
    }
  }
  return texts;
});
