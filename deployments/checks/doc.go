// Package checks holds what lies in deployments to what it promises: each file is
// read by the parser of the program that will read it, or by one as strict, and
// what a process can play is played with the real program.
//
// It is a module of its own, so that the heavy parsers stay out of the main one,
// and it uses gallerywire only as a program: the main module's tests see inside.
package checks
