"""All exercises, by name and by lesson."""

from scratchvae.course.exercises import (
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
    lesson_10,
    lesson_11,
    lesson_12,
    lesson_13,
    lesson_14,
    lesson_15,
    lesson_16,
    lesson_17,
    lesson_18,
    lesson_19,
    lesson_20,
    lesson_21,
    lesson_22,
    lesson_23,
    lesson_24,
    lesson_25,
    lesson_26,
)
from scratchvae.course.exercises.exercise import Exercise, Question

LESSONS: tuple[list[Exercise | Question], ...] = (
    lesson_01.EXERCISES,
    lesson_02.EXERCISES,
    lesson_03.EXERCISES,
    lesson_04.EXERCISES,
    lesson_05.EXERCISES,
    lesson_06.EXERCISES,
    lesson_07.EXERCISES,
    lesson_08.EXERCISES,
    lesson_09.EXERCISES,
    lesson_10.EXERCISES,
    lesson_11.EXERCISES,
    lesson_12.EXERCISES,
    lesson_13.EXERCISES,
    lesson_14.EXERCISES,
    lesson_15.EXERCISES,
    lesson_16.EXERCISES,
    lesson_17.EXERCISES,
    lesson_18.EXERCISES,
    lesson_19.EXERCISES,
    lesson_20.EXERCISES,
    lesson_21.EXERCISES,
    lesson_22.EXERCISES,
    lesson_23.EXERCISES,
    lesson_24.EXERCISES,
    lesson_25.EXERCISES,
    lesson_26.EXERCISES,
)
"""Each lesson's exercises, in the order in which the lesson asks them."""

EXERCISES: dict[str, Exercise | Question] = {
    exercise.name: exercise for lesson in LESSONS for exercise in lesson
}
