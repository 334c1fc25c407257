//! Changes on simulated devices over real sockets, through `controller::worker::pass`: what
//! a change comes to when everything, and when nothing, goes as it should.

mod daemon;
mod faulty;
mod frr;
mod ios;
mod journal;
mod killed;
mod looks;
mod secrets;
mod trapped;
mod world;
