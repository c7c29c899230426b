// Two additions to a page: buttons that copy addresses, and arrow keys that step
// through a gallery. Letter keys are left to speech input (WCAG 2.2, 2.1.4).
// Without scripts, people do both by hand.
"use strict";

document.documentElement.classList.add("scripted"); // for browsers whose CSS cannot detect scripts

const announcement = document.createElement("p"); // read out by screen readers
announcement.className = "unseen";
announcement.lang = "en";
announcement.setAttribute("role", "status");
document.body.append(announcement);

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", () => copy(button));
}

// What is copied stands before the button.
async function copy(button) {
  const at = button.previousElementSibling;
  const address = at.href || at.textContent;
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(address);
    } else {
      copySelected(address); // over plain HTTP
    }
    button.textContent = announcement.textContent = "Copied";
  } catch {
    button.textContent = "Not copied";
    announcement.textContent = "The address could not be copied";
  }
  setTimeout(() => { button.textContent = "Copy"; announcement.textContent = ""; }, 2000);
}

function copySelected(text) {
  const field = document.createElement("textarea");
  field.className = "unseen";
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("refused");
}

const slides = [...document.querySelectorAll("figure[id^='slide-']")];
if (slides.length > 1) {
  document.addEventListener("keydown", (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey || e.defaultPrevented) return;
    const step = steps()[e.key];
    if (step === undefined) return;
    e.preventDefault();
    show(slides[place() + step]);
  });
}

// Arrows point along the text: in a gallery that runs from right to left, the
// next slide is to the left.
function steps() {
  const back = getComputedStyle(slides[0]).direction === "rtl";
  return { ArrowRight: back ? -1 : 1, ArrowLeft: back ? 1 : -1 };
}

// place is the index of the slide that is looked at, -1 above the first.
function place() {
  const focused = slides.findIndex((s) => s.contains(document.activeElement));
  if (focused >= 0 && seen(slides[focused])) return focused;
  return slides.findLastIndex((s) => s.getBoundingClientRect().top < innerHeight / 3);
}

function seen(slide) {
  const at = slide.getBoundingClientRect();
  return at.bottom > 0 && at.top < innerHeight;
}

function show(slide) {
  if (!slide) return;
  history.replaceState(null, "", "#" + slide.id);
  slide.focus({ preventScroll: true });
  slide.scrollIntoView();
}
