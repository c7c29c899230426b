<?php
// Installs WordPress as its own installer does.
$_SERVER['HTTP_HOST'] = 'localhost';
define( 'WP_INSTALLING', true );
require getenv( 'SITE' ) . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
function wp_new_blog_notification() {} // else it sends mail
wp_install( 'Example News', 'editor', 'editor@example.com', true, '', 'a password of the test' );
update_option( 'permalink_structure', '/%year%/%postname%/' );
